"""SAM 2's mask decoder, arranged for many prompts on one image.

A frame has many prompts and keeps few masks, so rating comes first: SAM's predicted IoU depends on
the tokens alone, and the upscaling to mask resolution, half of the decoder's work, is done for the
masks that a filter lets through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from pipeline.sam.batches import in_batches
from pipeline.sam.decoder_core import Attended, core_of
from pipeline.sam.encoder import ImageFeatures


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """Prompts for SAM, one per row; coordinates are shares of the image's width and height."""

    points: Tensor
    """(B, P, 2) float, (x, y) in [0, 1]."""
    labels: Tensor
    """(B, P) int: 1 inside, 0 outside, 2 and 3 the corners of a box, -1 no point."""
    masks: Tensor | None = None
    """(B, 4 s, 4 s) float logits of a first guess, or None."""

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, rows: slice) -> Prompts:
        masks = None if self.masks is None else self.masks[rows]
        return Prompts(self.points[rows], self.labels[rows], masks)


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """Masks from SAM, in the order of their prompts."""

    logits: Tensor
    """(K, 4 s, 4 s) float32."""
    predicted_iou: Tensor
    """(K,) float32."""
    prompt: Tensor
    """(K,) int64: row of the prompt."""
    object_score: Tensor | None = None
    """(K,) float32 logits of SAM's opinion that the object is in view; None for a model that has
    none."""


# On a CPU, a batch of prompts is fastest when its image tokens, about this many numbers, fit into
# the caches.
_CACHED_NUMBERS = 2**20

Select: TypeAlias = Callable[[Tensor], Tensor]
"""From predicted IoU (B, 4) to the masks to compute, (B, 4) bool; column 0 is SAM's single mask."""


class PromptDecoder:
    """The mask decoder on one image.

    Parameters
    ----------
    model
        A SAM 2 model.
    features
        Features of the image.

    Attributes
    ----------
    image_size
        (H, W) of the image, in pixels.
    """

    def __init__(self, model: SAM2Base, features: ImageFeatures) -> None:
        self._core = core_of(model)
        self._size = features.embedding.shape[-1]
        self.image_size = features.image_size
        self._image = _rows(features.embedding)
        self._position = self._core.position()
        self._high_res = tuple(
            _blocks(of_image, self._size) + self._core.bias_of(step)
            for step, of_image in enumerate(features.high_res)
        )

    @property
    def device(self) -> torch.device:
        """Return the device of prompts and masks."""
        return self._image.device

    @property
    def mask_size(self) -> int:
        """Return the side of the masks, in cells."""
        return 4 * self._size

    def cells(self, pixels: float) -> float:
        """Convert an area in pixels of the image into cells of the masks."""
        height, width = self.image_size
        return pixels * self.mask_size**2 / (height * width)

    def no_masks(self) -> Tensor:
        """Return the logits of zero masks, (0, 4 s, 4 s) float32."""
        return torch.zeros(0, self.mask_size, self.mask_size, device=self.device)

    def decode_all(self, prompts: Prompts, select: Select, batch: int) -> Iterator[Masks]:
        """Decode any number of prompts, `batch` at a time; `prompt` counts over all of them.

        A batch that does not fit into the device's memory is halved, for all later batches too.
        """
        for start, masks in in_batches(
            len(prompts),
            self.fit(batch),
            lambda rows: self.decode(prompts[rows], select),
            "prompts",
        ):
            yield replace(masks, prompt=masks.prompt + start)

    def fit(self, batch: int) -> int:
        """Return the number of prompts in one call: `batch`, or what fits a CPU's caches."""
        if self._image.device.type != "cpu":
            return batch
        rows, channels = self._image.shape[-2:]
        return min(batch, max(1, _CACHED_NUMBERS // (rows * channels)))

    def conditioned(self, image: Tensor) -> PromptDecoder:
        """Return this decoder with other image tokens for each prompt.

        Parameters
        ----------
        image
            (B, s², C) tokens, such as those from the memory; the new decoder takes B prompts.
        """
        decoder = copy(self)
        decoder._image = image
        return decoder

    def token_of_single_mask(self, prompts: Prompts) -> Tensor:
        """Return the token of SAM's single mask for each prompt, (B, C), without any mask."""
        return self._attend(prompts).mask_tokens[:, 0]

    def decode(self, prompts: Prompts, select: Select) -> Masks:
        """Compute the selected masks of a batch of prompts in one pass.

        Parameters
        ----------
        prompts
            B prompts.
        select
            Chooses the masks to compute by their predicted IoU.
        """
        attended = self._attend(prompts)
        predicted_iou = attended.predicted_iou.float()
        prompt, which = torch.nonzero(select(predicted_iou), as_tuple=True)
        used, row = torch.unique(prompt, return_inverse=True)
        high_res_0, high_res_1 = self._high_res
        drawn = self._core.draw(
            attended.image[used], attended.mask_tokens[used], high_res_1, high_res_0
        )
        logits = _from_blocks(drawn[row, which].float(), self._size)
        score = attended.object_score
        if score is not None:
            score = score.float()[prompt, 0]
        return Masks(logits, predicted_iou[prompt, which], prompt, score)

    def _attend(self, prompts: Prompts) -> Attended:
        return self._core.attend(
            self._image, self._position, prompts.points, prompts.labels, prompts.masks
        )


def _rows(image: Tensor) -> Tensor:
    """Reshape (C, h, w) to (h·w, C)."""
    return image.flatten(1).transpose(0, 1).contiguous()


def _blocks(image: Tensor, size: int) -> Tensor:
    """Reshape (C, k·s, k·s) to (s², 4, …, C): rows of cells in the order that `_grow` makes."""
    if image.shape[-1] == size:
        return _rows(image)
    c, h, w = image.shape
    quarters = image.view(c, h // 2, 2, w // 2, 2).permute(2, 4, 0, 1, 3).flatten(0, 1)
    return torch.stack([_blocks(quarter, size) for quarter in quarters], -2)


def _from_blocks(logits: Tensor, size: int) -> Tensor:
    """Reshape (K, s²·16) in the order of `_blocks` to (K, 4 s, 4 s)."""
    k = len(logits)
    cells = logits.view(k, size, size, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)
    return cells.reshape(k, 4 * size, 4 * size)
