"""The memory is that of sam2's video predictor, for any number of objects and neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import yaml
from hydra.utils import instantiate
from omegaconf import OmegaConf
from PIL import Image
from sam2.modeling.sam2_base import SAM2Base

from pipeline.config import Config, load_config
from pipeline.errors import ModelError
from pipeline.sam import load_model
from pipeline.sam.architecture import build_architecture
from pipeline.sam.encoder import ImageFeatures, encode
from pipeline.sam.guided import prompts_from
from pipeline.sam.memory import Neighbour, Remembered, missing_memory, segment_remembered
from pipeline.sam.registry import KNOWN
from tests.sam.conftest import ARCHITECTURE

MEMORY = Path(__file__).with_name("small_memory.yaml")
SIDE = 128
Ids = npt.NDArray[np.int32]

SAM_2 = {"add_tpos_enc_to_obj_ptrs": False, "multimask_output_in_sam": True}
SAM_2_1 = {
    "no_obj_embed_spatial": True,
    "add_tpos_enc_to_obj_ptrs": True,
    "proj_tpos_enc_in_obj_ptrs": True,
    "use_signed_tpos_enc_to_obj_ptrs": True,
    "only_obj_ptrs_in_the_past_for_eval": True,
    "fixed_no_obj_ptr": True,
    "multimask_output_in_sam": True,
    "multimask_output_for_tracking": True,
    "use_multimask_token_for_obj_ptr": True,
    "multimask_min_pt_num": 0,
    "use_mlp_for_obj_ptr_proj": True,
}
PLAIN = {"use_obj_ptrs_in_encoder": False, "pred_obj_scores": False, "pred_obj_scores_mlp": False}
"""As the demo model: neither object pointers nor object scores."""
KINDS = {"sam2": SAM_2, "sam2.1": SAM_2_1, "plain": PLAIN}


def build(folder: Path, checkpoint: Path, kind: str) -> SAM2Base:
    """Build a small SAM 2 with a random memory, whose decoder makes varied masks."""
    tree = yaml.safe_load(MEMORY.read_text())
    tree["model"] |= KINDS[kind]
    (folder / "memory.yaml").write_text(yaml.safe_dump(tree))
    torch.manual_seed(1)
    model = build_architecture(str(ARCHITECTURE), folder / "memory.yaml")
    fixed = torch.load(checkpoint, weights_only=True)["model"]
    fixed.pop("maskmem_tpos_enc")
    own = model.state_dict()
    model.load_state_dict({n: v for n, v in fixed.items() if n in own}, strict=False)
    # sam2 gives no mask where its score says that an object is out of view.
    if model.pred_obj_scores:
        torch.nn.init.constant_(model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias, 2.0)
    # As in guided segmentation, one mask is one mask, however stable.
    model.sam_mask_decoder.dynamic_multimask_via_stability = False
    return model.eval().requires_grad_(False)


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest, tmp_path: Path, checkpoint: Path) -> SAM2Base:
    return build(tmp_path, checkpoint, request.param)


@pytest.fixture
def one_model(tmp_path: Path, checkpoint: Path) -> SAM2Base:
    return build(tmp_path, checkpoint, "sam2.1")


def frames(n: int) -> list[npt.NDArray[np.uint8]]:
    rng = np.random.default_rng(3)
    return [
        np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((16, 16, 1))).astype(np.uint8)
        for _ in range(n)
    ]


def features(model: SAM2Base, n: int) -> list[ImageFeatures]:
    with torch.inference_mode():
        return [encode(model, [image])[0] for image in frames(n)]


def tiles(n: int, seed: int = 0) -> Ids:
    """Draw up to `n` objects, (SIDE, SIDE); 0 is among them."""
    blocks = np.random.default_rng(seed).integers(0, n + 1, (8, 8))
    return np.kron(blocks, np.ones((16, 16))).astype(np.int32)


@torch.inference_mode()
def ask(
    model: SAM2Base,
    own: ImageFeatures,
    coarse: Ids,
    neighbours: Sequence[Neighbour],
    wanted: Sequence[int],
    **settings: int,
) -> Remembered:
    config = load_config().proposals.model_copy(update=settings)
    return segment_remembered(model, own, coarse, neighbours, wanted, config)


def as_video_predictor(model: SAM2Base, folder: Path) -> Any:
    """Build sam2's own video predictor with the weights of a model."""
    tree: Any = OmegaConf.merge(
        OmegaConf.load(ARCHITECTURE), OmegaConf.load(folder / "memory.yaml")
    )
    tree.model._target_ = "sam2.sam2_video_predictor.SAM2VideoPredictor"
    predictor = instantiate(tree.model)
    predictor.load_state_dict(model.state_dict())
    return predictor.eval()


@pytest.mark.parametrize(("kind", "labelled"), [("sam2", (0,)), ("sam2", (0, 2)), ("sam2.1", (0,))])
@torch.inference_mode()
def test_remembers_as_sam2s_video_predictor_does(
    tmp_path: Path, checkpoint: Path, kind: str, labelled: tuple[int, ...]
) -> None:
    model = build(tmp_path, checkpoint, kind)
    video = tmp_path / "video"
    video.mkdir()
    images = []
    for number, image in enumerate(frames(3)):
        Image.fromarray(image).save(video / f"{number}.jpg")
        images.append(np.asarray(Image.open(video / f"{number}.jpg")))
    # sam2 draws masks small and enlarges them again, which moves corners but not straight edges.
    masks = {frame: np.arange(SIDE)[None, :] < (48, 0, 80)[frame] for frame in labelled}
    masks = {frame: np.broadcast_to(mask, (SIDE, SIDE)) for frame, mask in masks.items()}

    predictor = as_video_predictor(model, tmp_path)
    state = predictor.init_state(str(video))
    for frame, mask in masks.items():
        predictor.add_new_mask(state, frame, 1, torch.from_numpy(mask.copy()))
    for _ in predictor.propagate_in_video(state, start_frame_idx=0):
        pass
    theirs = state["output_dict_per_obj"][0]["non_cond_frame_outputs"][1]

    encoded = [encode(model, [image])[0] for image in images]
    neighbours = [
        Neighbour(encoded[frame], mask.astype(np.int32), abs(frame - 1))
        for frame, mask in masks.items()
    ]
    nothing = np.zeros((SIDE, SIDE), np.int32)
    ours = ask(model, encoded[1], nothing, neighbours, [1], rounds=1)
    assert theirs["pred_masks"].std() > 0.5
    torch.testing.assert_close(ours.proposals.logits, theirs["pred_masks"][0], atol=2e-3, rtol=1e-3)
    score = theirs["object_score_logits"][0].sigmoid()
    torch.testing.assert_close(ours.object_score, score, atol=1e-4, rtol=1e-4)


def test_a_batch_gives_what_objects_one_by_one_give(model: SAM2Base) -> None:
    own, *others = features(model, 4)
    neighbours = [Neighbour(near, tiles(7, seed), seed) for seed, near in enumerate(others, 1)]
    coarse = np.where(tiles(7) > 3, 0, tiles(7))
    together = ask(model, own, coarse, neighbours, [5, 2, 7, 1, 3])
    assert together.proposals.prompt_ids.tolist() == [5, 2, 7, 1, 3]
    assert together.prompted.tolist() == [False, True, False, True, True]
    logits = together.proposals.logits
    assert not torch.allclose(logits[0], logits[2], atol=1e-2)
    for row, i in enumerate([5, 2, 7, 1, 3]):
        alone = ask(model, own, coarse, neighbours, [i])
        tight = {"atol": 1e-4, "rtol": 1e-4}
        torch.testing.assert_close(alone.proposals.logits[0], logits[row], **tight)
        torch.testing.assert_close(alone.object_score[0], together.object_score[row], **tight)
        torch.testing.assert_close(alone.agreement[0], together.agreement[row], **tight)
        rating = together.proposals.predicted_iou[row]
        torch.testing.assert_close(alone.proposals.predicted_iou[0], rating, **tight)


def test_neighbours_that_lack_an_object_say_nothing_of_it(model: SAM2Base) -> None:
    own, first, second = features(model, 3)
    shows, lacks = tiles(3, 1), np.where(tiles(3, 2) == 2, 0, tiles(3, 2))
    both = ask(model, own, tiles(3), [Neighbour(first, shows), Neighbour(second, lacks)], [2, 3])
    one = ask(model, own, tiles(3), [Neighbour(first, shows)], [2])
    assert both.n_neighbours.tolist() == [1, 2]
    torch.testing.assert_close(
        both.proposals.logits[0], one.proposals.logits[0], atol=1e-4, rtol=1e-4
    )
    neither = ask(model, own, tiles(3), [Neighbour(second, lacks)], [2, 9, 3])
    assert neither.proposals.prompt_ids.tolist() == [3]


def test_what_neighbours_remember_matters(model: SAM2Base) -> None:
    own, near = features(model, 2)
    left = np.arange(SIDE * SIDE, dtype=np.int32).reshape(SIDE, SIDE) % SIDE < 40
    masks = [
        ask(model, own, np.zeros_like(tiles(1)), [Neighbour(near, mask.astype(np.int32))], [1])
        for mask in (left, ~left)
    ]
    assert not torch.allclose(masks[0].proposals.logits, masks[1].proposals.logits, atol=1e-2)


def test_the_order_of_neighbours_does_not_matter(one_model: SAM2Base) -> None:
    own, *others = features(one_model, 3)
    near = [Neighbour(each, tiles(3, seed), seed) for seed, each in enumerate(others, 1)]
    masks = [ask(one_model, own, tiles(3), order, [1, 2]) for order in (near, near[::-1])]
    torch.testing.assert_close(
        masks[0].proposals.logits, masks[1].proposals.logits, atol=1e-4, rtol=1e-4
    )


def test_maps_of_any_size_cover_the_same_view(one_model: SAM2Base) -> None:
    own, near = features(one_model, 2)
    masks = [
        ask(one_model, own, tiles(3), [Neighbour(near, ids)], [1])
        for ids in (tiles(3, 1), tiles(3, 1)[::16, ::16])
    ]
    torch.testing.assert_close(masks[0].proposals.logits, masks[1].proposals.logits)


@pytest.mark.parametrize("wanted", [[], [40]])
def test_without_objects_nothing_is_computed(
    one_model: SAM2Base, wanted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(*_: Any, **__: Any) -> None:
        raise AssertionError("the memory was computed")

    own, near = features(one_model, 2)
    monkeypatch.setattr(one_model.memory_encoder, "forward", compute)
    monkeypatch.setattr(one_model.memory_attention, "forward", compute)
    for neighbours in ([Neighbour(near, tiles(3))], []):
        found = ask(one_model, own, tiles(3), neighbours, wanted)
        assert found.proposals.logits.shape == (0, 32, 32)
        assert len(found.object_score) == len(found.prompted) == len(found.n_neighbours) == 0
        assert len(found.agreement) == 0


def test_out_of_memory_halves_the_batch(
    one_model: SAM2Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, near = features(one_model, 2)
    neighbours = [Neighbour(near, tiles(9, 1))]
    wanted = list(range(1, 8))
    expected = ask(one_model, own, np.zeros((8, 8), np.int32), neighbours, wanted)
    attend, asked = one_model.memory_attention.forward, []

    def small(**arguments: Any) -> Any:
        asked.append(arguments["curr"].shape[1])
        if asked[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return attend(**arguments)

    monkeypatch.setattr(one_model.memory_attention, "forward", small)
    found = ask(one_model, own, np.zeros((8, 8), np.int32), neighbours, wanted)
    assert asked == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    torch.testing.assert_close(
        found.proposals.logits, expected.proposals.logits, atol=1e-4, rtol=1e-4
    )


def test_a_model_without_a_memory_says_so(model: SAM2Base, config: Config) -> None:
    plain = load_model(config)
    assert missing_memory(model) is None
    assert "num_maskmem is 0" in (missing_memory(plain) or "")
    (own,) = features(plain, 1)
    with pytest.raises(ModelError, match="has no memory"):
        ask(plain, own, tiles(3), [Neighbour(own, tiles(3))], [1])


def test_another_round_shows_sam_its_mask(one_model: SAM2Base) -> None:
    own, near = features(one_model, 2)
    coarse = np.where(tiles(3) == 3, 0, tiles(3))
    masks = [
        ask(one_model, own, coarse, [Neighbour(near, tiles(3, 1))], [1, 3], rounds=n)
        for n in (1, 2)
    ]
    for first, second in zip(masks[0].proposals.logits, masks[1].proposals.logits, strict=True):
        assert not torch.allclose(first, second, atol=1e-3)
    assert masks[0].agreement.tolist() == [1, 1]
    first, second = (found.proposals.logits > 0 for found in masks)
    expected = (first & second).sum((1, 2)) / (first | second).sum((1, 2))
    torch.testing.assert_close(masks[1].agreement, expected)


def test_a_mask_that_is_found_without_a_prompt_becomes_one() -> None:
    own = torch.full((3, 32, 32), -5.0)
    own[0, 4:20, 8:16] = 7
    own[1, 30:, 30:] = 40
    prompts = prompts_from(own)
    box = prompts.points[0, :2] * 32
    assert box.tolist() == [[8, 4], [16, 20]]
    assert prompts.labels[0].tolist() == [2, 3, 1, 1, 1]
    x, y = (prompts.points[0, 2:] * 32).T
    assert ((x > 8) & (x < 16) & (y > 4) & (y < 20)).all()
    assert prompts.labels[2].tolist() == [-1] * 5
    assert prompts.masks is not None
    assert prompts.masks.max() == 32
    assert torch.equal(prompts.masks[0], own[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sam2_hiera_tiny", "sam2.1_hiera_tiny"])
def test_official_architectures_remember(name: str) -> None:
    official = build_architecture(KNOWN[name].architecture).eval().requires_grad_(False)
    own, near = features(official, 2)
    found = ask(official, own, tiles(2), [Neighbour(near, tiles(3, 1))], [1, 3], rounds=1)
    assert found.proposals.logits.shape == (2, 256, 256)
    assert found.proposals.logits.isfinite().all()
    assert found.prompted.tolist() == [True, False]
