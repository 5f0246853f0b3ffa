from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base

from pipeline.sam.encoder import encode
from pipeline.sam.limits import limits
from training.stock_sam2 import image_predictor


@pytest.fixture
def pictures(picture: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.uint8]]:
    """Return images smaller and larger than the model's input, wide, tall, and not contiguous."""
    return [picture, np.kron(picture, np.ones((3, 2, 1), np.uint8)), picture.transpose(1, 0, 2)]


@torch.inference_mode()
def test_agrees_with_sam2s_predictor(
    model: SAM2Base, pictures: list[npt.NDArray[np.uint8]]
) -> None:
    for image in pictures:
        predictor = image_predictor(model)
        predictor.set_image(np.ascontiguousarray(image))
        theirs = predictor._features
        [ours] = encode(model, [image])
        torch.testing.assert_close(ours.embedding, theirs["image_embed"][0])
        for mine, yours in zip(ours.high_res, theirs["high_res_feats"], strict=True):
            torch.testing.assert_close(mine, yours[0])


@torch.inference_mode()
def test_a_batch_is_its_images_one_by_one(
    model: SAM2Base, pictures: list[npt.NDArray[np.uint8]]
) -> None:
    together = encode(model, pictures)
    alone = [encode(model, [image])[0] for image in pictures]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one.embedding, other.embedding)


@torch.inference_mode()
def test_out_of_memory_halves_the_batch(
    model: SAM2Base, picture: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, asked = model.forward_image, []

    def forward_in_little_memory(batch: torch.Tensor) -> object:
        asked.append(len(batch))
        if len(batch) > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(batch)

    images = [np.roll(picture, 9 * k, axis=1) for k in range(5)]
    expected = encode(model, images)
    monkeypatch.setattr(model, "forward_image", forward_in_little_memory)
    room = 2
    for one, other in zip(encode(model, images), expected, strict=True):
        torch.testing.assert_close(one.embedding, other.embedding)
    assert asked == [5, 2, 2, 1]
    assert limits() == {"images": 2}
    asked.clear()
    encode(model, images)
    assert asked == [2, 2, 1]
    room = 0
    with pytest.raises(torch.OutOfMemoryError):
        encode(model, images)
