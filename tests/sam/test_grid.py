from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from sam2.modeling.sam2_base import SAM2Base

from pipeline.config import Config, ProposalsConfig, load_config
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.records import Proposals
from pipeline.sam import grid, load_model
from pipeline.sam.decoder import PromptDecoder
from pipeline.sam.encoder import encode
from pipeline.sam.grid import point_grid, segment_everything
from training.stock_sam2 import mask_generator

Image = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]


def ours(model: SAM2Base, image: Image, config: ProposalsConfig) -> Proposals:
    with torch.inference_mode():
        return segment_everything(PromptDecoder(model, encode(model, [image])[0]), config)


def full_size(proposals: Proposals, image: Image) -> Masks:
    full = F.interpolate(proposals.logits[None], image.shape[:2], mode="bilinear")[0]
    return full.numpy() > 0


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated", "ignore:cannot import")
def sam2s(model: SAM2Base, image: Image, config: ProposalsConfig) -> Masks:
    records = mask_generator(model, config).generate(image)
    return np.array([record["segmentation"] for record in records]).reshape(-1, *image.shape[:2])


def best_iou(masks: Masks, others: Masks) -> npt.NDArray[np.float64]:
    """Return the IoU of each mask with the most similar of the others."""
    flat, other = (m.reshape(len(m), -1).astype(np.float64) for m in (masks, others))
    shared = flat @ other.T
    union = flat.sum(1)[:, None] + other.sum(1) - shared
    return (shared / np.maximum(union, 1)).max(1, initial=0)


def test_point_grid_is_sam2s() -> None:
    from sam2.utils.amg import build_point_grid

    np.testing.assert_allclose(point_grid(5).numpy(), build_point_grid(5), atol=1e-6)


def test_finds_what_sam2s_generator_finds(model: SAM2Base, picture: Image, config: Config) -> None:
    """Compare the masks that pass the predicted IoU, one by one.

    Random weights make noise, whose stability and boxes mean little, so both are tested elsewhere.
    """
    settings = config.proposals.model_copy(
        update={"nms_threshold": 1.0, "min_region_area": 0, "stability_threshold": 0.0}
    )
    proposals = ours(model, picture, settings)
    theirs = sam2s(model, picture, settings)
    assert len(theirs) > 20
    assert len(proposals.logits) == len(theirs)
    assert best_iou(theirs, full_size(proposals, picture)).min() > 0.99
    assert best_iou(full_size(proposals, picture), theirs).min() > 0.99


@pytest.mark.slow
def test_agrees_with_sam2s_generator_on_drawn_rooms() -> None:
    """Find all masks that sam2 finds, with trained weights and the usual thresholds.

    Masks whose stability is near the threshold may differ, since here it is counted in cells.
    """
    config = load_config(
        {
            "model": {"name": "demo", "device": "cpu"},
            "proposals": {"points_per_side": 16, "min_region_area": 0},
        }
    )
    demo = load_model(config)
    found = []
    for seed in (11, 12, 13):
        room = make_room(seed)
        image = take(room, camera_path(room, 1, (640, 480))[0]).image
        theirs = sam2s(demo, image, config.proposals)
        found.append(best_iou(theirs, full_size(ours(demo, image, config.proposals), image)))
    assert np.mean(np.concatenate(found) >= 0.9) >= 0.95


def test_best_rated_come_first_and_none_twice(
    model: SAM2Base, picture: Image, config: Config
) -> None:
    proposals = ours(model, picture, config.proposals)
    assert torch.equal(proposals.predicted_iou, proposals.predicted_iou.sort(descending=True)[0])
    masks = full_size(proposals, picture)
    pairs = best_iou(masks[1:], masks[:1])
    assert len(masks) > 3
    assert pairs.max() < 0.9


def test_thresholds(model: SAM2Base, picture: Image, config: Config) -> None:
    proposals = ours(model, picture, config.proposals)
    assert proposals.predicted_iou.min() > config.proposals.predicted_iou_threshold
    assert proposals.stability.min() >= config.proposals.stability_threshold
    alike = config.proposals.model_copy(update={"nms_threshold": 1.0, "min_region_area": 0})
    everything = len(ours(model, picture, alike).logits)
    for stricter_by in ({"predicted_iou_threshold": 0.85}, {"stability_threshold": 0.5}):
        stricter = alike.model_copy(update=stricter_by)
        assert 0 < len(ours(model, picture, stricter).logits) < everything
    never = load_config(config, ["proposals.predicted_iou_threshold=1.0"]).proposals
    assert len(ours(model, picture, never).logits) == 0


def test_masks_that_wait_are_thinned_out(
    model: SAM2Base, picture: Image, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bound memory, and keep the best rated mask of all through any thinning."""
    at_once = ours(model, picture, config.proposals)
    monkeypatch.setattr(grid, "_MAX_WAITING", 8)
    thinned = ours(model, picture, config.proposals)
    torch.testing.assert_close(thinned.logits[0], at_once.logits[0])
    similar = best_iou(full_size(at_once, picture), full_size(thinned, picture))
    assert np.mean(similar > config.proposals.nms_threshold) > 0.7
