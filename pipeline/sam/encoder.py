"""SAM 2's image encoder, applied to several images in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from sam2.modeling.sam2_base import SAM2Base

from pipeline.sam.batches import in_batches

# The normalisation that SAM 2 was trained with (sam2.utils.transforms).
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


Pixels: TypeAlias = npt.NDArray[np.uint8] | torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class ImageFeatures:
    """The image encoder's output for one image, in the form that the mask decoder takes."""

    embedding: torch.Tensor
    """(C, s, s), s = image size / 16."""
    high_res: tuple[torch.Tensor, torch.Tensor]
    """(C / 8, 4 s, 4 s) and (C / 4, 2 s, 2 s)."""
    image_size: tuple[int, int]
    """(H, W) of the image, in pixels."""


def as_pixels(image: npt.NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Return an image (H, W, 3) as a tensor in main memory, pinned if the device is a GPU.

    Pinned memory is copied to a GPU while the program goes on.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(image))
    return pixels.pin_memory() if device.type == "cuda" else pixels


def encode(model: SAM2Base, images: Sequence[Pixels]) -> list[ImageFeatures]:
    """Run the image encoder over a batch of images, in one call if memory allows.

    A batch that does not fit into the device's memory is halved, and stays so; see `in_batches`.

    Parameters
    ----------
    model
        A SAM 2 model.
    images
        (H, W, 3) uint8 RGB each, arrays or what `as_pixels` makes of them; sizes may differ, as
        each is resized to the model's square.

    Returns
    -------
    list of ImageFeatures
        One per image, on the model's device, as `SAM2ImagePredictor.set_image` computes them.
    """
    batches = in_batches(
        len(images), len(images), lambda rows: _encode_at_once(model, images[rows]), "images"
    )
    return [features for _, batch in batches for features in batch]


def _encode_at_once(model: SAM2Base, images: Sequence[Pixels]) -> list[ImageFeatures]:
    batch = torch.cat([_to_model_input(model, image) for image in images])
    high_res_0, high_res_1, embedding = model.forward_image(batch)["backbone_fpn"][-3:]
    if model.directly_add_no_mem_embed:
        embedding = embedding + model.no_mem_embed.reshape(1, -1, 1, 1)
    return [
        ImageFeatures(
            embedding[i], (high_res_0[i], high_res_1[i]), (image.shape[0], image.shape[1])
        )
        for i, image in enumerate(images)
    ]


def _to_model_input(model: SAM2Base, image: Pixels) -> torch.Tensor:
    """Resize and normalise an image on the device, so that only its bytes are copied there."""
    pixels = image if isinstance(image, torch.Tensor) else as_pixels(image, model.device)
    pixels = pixels.to(model.device, non_blocking=True)
    pixels = pixels.permute(2, 0, 1)[None].float() / 255
    size = (model.image_size, model.image_size)
    pixels = F.interpolate(pixels, size, mode="bilinear", antialias=True)
    mean, std = (pixels.new_tensor(values)[:, None, None] for values in (_MEAN, _STD))
    return (pixels - mean) / std
