from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from pipeline.sam.decoder import Masks, PromptDecoder, Prompts
from pipeline.sam.encoder import encode
from training.stock_sam2 import image_predictor


def every_mask(predicted_iou: Tensor) -> Tensor:
    return torch.ones_like(predicted_iou, dtype=torch.bool)


@pytest.fixture
def decoder(model: SAM2Base, picture: npt.NDArray[np.uint8]) -> PromptDecoder:
    with torch.inference_mode():
        return PromptDecoder(model, encode(model, [picture])[0])


def clicks(n: int) -> Prompts:
    generator = torch.Generator().manual_seed(1)
    return Prompts(torch.rand(n, 1, 2, generator=generator), torch.ones(n, 1, dtype=torch.int))


def boxes_points_and_guesses(n: int, size: int) -> Prompts:
    generator = torch.Generator().manual_seed(2)
    points = torch.rand(n, 5, 2, generator=generator)
    points[:, :2] = points[:, :2].sort(1).values
    labels = torch.tensor([2, 3, 1, 0, -1], dtype=torch.int).expand(n, -1)
    return Prompts(points, labels, 5 * torch.randn(n, size, size, generator=generator))


@pytest.mark.slow
@pytest.mark.parametrize("with_guess", [False, True])
@torch.inference_mode()
def test_agrees_with_sam2s_predictor(
    model: SAM2Base, picture: npt.NDArray[np.uint8], decoder: PromptDecoder, *, with_guess: bool
) -> None:
    prompts = boxes_points_and_guesses(9, decoder.mask_size) if with_guess else clicks(9)
    predictor = image_predictor(model)
    predictor.set_image(picture)
    _, predicted_iou, logits = predictor._predict(
        prompts.points * model.image_size,
        prompts.labels,
        mask_input=None if prompts.masks is None else prompts.masks[:, None],
        multimask_output=True,
        return_logits=True,
    )
    ours = decoder.decode(prompts, every_mask)
    assert logits.std() > 1
    four = ours.logits.clamp(-32, 32).view(9, 4, decoder.mask_size, decoder.mask_size)
    torch.testing.assert_close(four[:, 1:], logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ours.predicted_iou.view(9, 4)[:, 1:], predicted_iou)


@torch.inference_mode()
def test_makes_the_selected_masks_only(decoder: PromptDecoder) -> None:
    prompts = clicks(6)
    every = decoder.decode(prompts, every_mask)
    sure = decoder.decode(prompts, lambda predicted_iou: predicted_iou > 0.5)
    wanted = every.predicted_iou > 0.5
    assert 0 < wanted.sum() < len(wanted)
    torch.testing.assert_close(sure.logits, every.logits[wanted])
    assert torch.equal(sure.prompt, every.prompt[wanted])
    none = decoder.decode(prompts, lambda predicted_iou: predicted_iou > 2)
    assert none.logits.shape == (0, decoder.mask_size, decoder.mask_size)


def joined(parts: list[Masks]) -> Masks:
    return Masks(
        torch.cat([part.logits for part in parts]),
        torch.cat([part.predicted_iou for part in parts]),
        torch.cat([part.prompt for part in parts]),
    )


@torch.inference_mode()
def test_batches_do_not_show(decoder: PromptDecoder) -> None:
    prompts = boxes_points_and_guesses(7, decoder.mask_size)
    at_once = decoder.decode(prompts, every_mask)
    in_parts = joined(list(decoder.decode_all(prompts, every_mask, batch=3)))
    torch.testing.assert_close(in_parts.logits, at_once.logits, atol=1e-4, rtol=1e-4)
    assert torch.equal(in_parts.prompt, at_once.prompt)


class SmallDevice(PromptDecoder):
    """Runs out of memory like a GPU, above a number of prompts."""

    room: int
    asked: list[int]

    def decode(self, prompts: Prompts, select: Callable[[Tensor], Tensor]) -> Masks:
        self.asked.append(len(prompts))
        if len(prompts) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().decode(prompts, select)


@pytest.fixture
def small_device(model: SAM2Base, picture: npt.NDArray[np.uint8]) -> SmallDevice:
    with torch.inference_mode():
        device = SmallDevice(model, encode(model, [picture])[0])
    device.asked = []
    return device


@torch.inference_mode()
def test_out_of_memory_halves_the_batch(decoder: PromptDecoder, small_device: SmallDevice) -> None:
    prompts = clicks(10)
    small_device.room = 2
    masks = joined(list(small_device.decode_all(prompts, every_mask, batch=8)))
    expected = decoder.decode(prompts, every_mask)
    torch.testing.assert_close(masks.logits, expected.logits, atol=1e-4, rtol=1e-4)
    assert torch.equal(masks.prompt, expected.prompt)
    assert small_device.asked == [8, 4, 2, 2, 2, 2, 2]


@torch.inference_mode()
def test_no_room_for_a_single_prompt(small_device: SmallDevice) -> None:
    small_device.room = 0
    with pytest.raises(torch.OutOfMemoryError):
        list(small_device.decode_all(clicks(3), every_mask, batch=2))
