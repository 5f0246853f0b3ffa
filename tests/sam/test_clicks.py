"""One mask from clicks, a box, and the object as it is drawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base

from pipeline.sam.clicks import Clicks, segment_clicks, upsampled
from pipeline.sam.decoder import PromptDecoder
from pipeline.sam.encoder import encode
from training.stock_sam2 import image_predictor

POINTS = ((0.3, 0.4), (0.7, 0.2))
BOX = (0.1, 0.2, 0.8, 0.9)


@pytest.fixture(scope="module")
def decoder(model: SAM2Base, picture: npt.NDArray[np.uint8]) -> PromptDecoder:
    with torch.inference_mode():
        [features] = encode(model, [picture])
        return PromptDecoder(model, features)


@pytest.mark.parametrize(
    "clicks",
    [
        Clicks(POINTS[:1], (True,)),
        Clicks(POINTS, (True, False)),
        Clicks(box=BOX),
        Clicks(POINTS, (True, False), BOX),
    ],
)
def test_masks_are_those_of_sam2(
    model: SAM2Base,
    picture: npt.NDArray[np.uint8],
    decoder: PromptDecoder,
    clicks: Clicks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # sam2 can replace its single mask by one of three; here the prompts are not ambiguous.
    monkeypatch.setattr(model.sam_mask_decoder, "dynamic_multimask_via_stability", False)
    height, width = picture.shape[:2]
    predictor = image_predictor(model)
    predictor.set_image(picture)
    of_pixels = np.array([width, height])
    _, ratings, logits = predictor.predict(
        np.array(clicks.points) * of_pixels if clicks.points else None,
        np.array(clicks.inside, int) if clicks.points else None,
        np.array(clicks.box) * np.tile(of_pixels, 2) if clicks.box else None,
        multimask_output=clicks.is_ambiguous,
        return_logits=True,
    )
    with torch.inference_mode():
        found, rating = segment_clicks(decoder, clicks)
    best = int(ratings.argmax())
    assert rating == pytest.approx(float(ratings[best].clip(0, 1)), abs=1e-4)
    agreed = (found.numpy() > 0) == (logits[best] > 0)
    assert agreed.mean() > 0.999


def test_the_object_as_it_is_drawn_changes_the_mask(
    decoder: PromptDecoder, ids: npt.NDArray[np.int32]
) -> None:
    click = Clicks(POINTS[:1], (True,))
    with torch.inference_mode():
        alone, _ = segment_clicks(decoder, click)
        drawn, _ = segment_clicks(decoder, click, ids == 5)
    assert alone.shape == drawn.shape == (decoder.mask_size, decoder.mask_size)
    assert not torch.equal(alone, drawn)


def test_logits_are_stretched_over_the_image() -> None:
    logits = torch.full((4, 4), -1.0)
    logits[:2] = 1.0
    mask = upsampled(logits, (40, 60))
    assert mask.shape == (40, 60)
    assert mask[:19].all()
    assert not mask[21:].any()
