from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base

from pipeline.config import Config
from pipeline.records import Proposals
from pipeline.sam.decoder import PromptDecoder
from pipeline.sam.encoder import encode
from pipeline.sam.guided import FINENESS, aim, segment_objects
from pipeline.sam.targets import find_targets
from training.stock_sam2 import image_predictor

Image = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int32]


@pytest.fixture
def decoder(model: SAM2Base, picture: Image) -> PromptDecoder:
    with torch.inference_mode():
        return PromptDecoder(model, encode(model, [picture])[0])


@torch.inference_mode()
def ask(decoder: PromptDecoder, ids: Ids, config: Config, **settings: int) -> Proposals:
    targets = find_targets(ids, FINENESS * decoder.mask_size)
    return segment_objects(decoder, targets, config.proposals.model_copy(update=settings))


def test_targets_lie_on_the_grid_of_the_masks(
    model: SAM2Base, decoder: PromptDecoder, ids: Ids
) -> None:
    assert aim(model, ids).drawn.shape == (FINENESS * decoder.mask_size,) * 2


def test_one_mask_an_object_by_id(decoder: PromptDecoder, ids: Ids, config: Config) -> None:
    proposals = ask(decoder, ids, config)
    of_objects = proposals.prompt_ids[proposals.prompt_ids > 0]
    assert of_objects.tolist() == list(range(1, 12))
    assert torch.equal(proposals.prompt_ids[:11], of_objects)


@torch.inference_mode()
def test_says_what_sam2s_predictor_would_be_told(
    model: SAM2Base, picture: Image, decoder: PromptDecoder, ids: Ids, config: Config
) -> None:
    """Compare the mask of one object with the one from sam2's predictor, prompted by hand."""
    proposals = ask(decoder, ids, config, rounds=1)
    predictor = image_predictor(model)
    predictor.set_image(picture)
    targets = find_targets(ids, 64)
    assert targets.ids[5] == 6
    start, end = targets.boxes[5].reshape(2, 2)
    box = np.concatenate([start - 0.03 * (end - start), end + 0.03 * (end - start)])
    guess = torch.nn.functional.avg_pool2d((torch.tensor(targets.drawn) == 6).float()[None], 2)
    soft = torch.nn.functional.avg_pool2d(guess, 3, 1, 1, count_include_pad=False)
    predictor.model.sam_mask_decoder.dynamic_multimask_via_stability = False
    try:
        _, rating, logits = predictor.predict(
            point_coords=targets.points[5] * [128, 96],
            point_labels=targets.labels[5],
            box=box * [128, 96, 128, 96],
            mask_input=(8 * soft - 4).numpy(),
            multimask_output=False,
        )
    finally:
        predictor.model.sam_mask_decoder.dynamic_multimask_via_stability = True
    np.testing.assert_allclose(
        proposals.logits[5].clamp(-32, 32).numpy(), logits[0], atol=1e-3, rtol=1e-3
    )
    assert proposals.predicted_iou[5].item() == pytest.approx(rating.item(), abs=1e-5)


def test_batches_do_not_show(decoder: PromptDecoder, ids: Ids, config: Config) -> None:
    at_once, in_parts = (ask(decoder, ids, config, points_per_batch=n) for n in (64, 3))
    torch.testing.assert_close(in_parts.logits[:11], at_once.logits[:11], atol=1e-4, rtol=1e-4)


def test_another_round_shows_sam_its_mask(decoder: PromptDecoder, ids: Ids, config: Config) -> None:
    first, second = (ask(decoder, ids, config, rounds=n).logits[:11] for n in (1, 2))
    assert not torch.allclose(first, second)


def test_sparse_grid_covers_areas_without_objects(
    decoder: PromptDecoder, ids: Ids, config: Config
) -> None:
    nothing = np.zeros_like(ids)
    everywhere = ask(decoder, nothing, config)
    assert len(everywhere.prompt_ids) > 0
    assert not everywhere.prompt_ids.any()
    assert len(ask(decoder, nothing, config, unlabelled_points_per_side=0).prompt_ids) == 0
    full = np.ones_like(ids)
    assert ask(decoder, full, config).prompt_ids.tolist() == [1]


@pytest.mark.slow
def test_many_objects(decoder: PromptDecoder, config: Config) -> None:
    """Prompt for more objects than the masks have cells, most of them specks."""
    ids = np.arange(96 * 128, dtype=np.int32).reshape(96, 128) // 8
    proposals = ask(decoder, ids, config)
    assert len(proposals.prompt_ids) >= 500
    assert len(set(proposals.prompt_ids.tolist())) == len(proposals.prompt_ids)
