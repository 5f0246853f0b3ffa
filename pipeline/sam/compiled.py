"""A model compiled by torch: fewer and larger kernels, for batches of a few fixed sizes.

Compiling takes a minute or more, and a kernel is made for one size of its arrays. So batches of
prompts are filled up to the next of a few sizes with prompts that are thrown away again.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from pipeline.sam.decoder_core import Attended, DecoderCore, use_core
from pipeline.sam.limits import Kind, within_limit

log = logging.getLogger(__name__)

Inputs = ParamSpec("Inputs")
Output = TypeVar("Output")

SIZES: dict[Kind, tuple[int, ...]] = {"prompts": (16, 64), "images": (1, 4)}
"""Sizes of batches; above the last one, multiples of it."""


def compiled(model: SAM2Base, backend: str | Callable[..., Any] = "inductor") -> SAM2Base:
    """Return a twin of a model whose image encoder and mask decoder are compiled.

    The twin has the model's own weights, not copies. Its masks differ by rounding. What cannot be
    compiled computes as before, and a warning tells.

    Parameters
    ----------
    backend
        Compiler, as for `torch.compile`.
    """
    twin = copy.copy(model)
    # Modules keep their parts in a dictionary, which a copy shares.
    twin._modules = {**model._modules}
    twin.image_encoder = _CompiledEncoder(model.image_encoder, backend)
    use_core(twin, CompiledCore(twin, backend))
    return twin


class CompiledCore(DecoderCore):
    """The compiled core of a mask decoder; see `DecoderCore`."""

    def __init__(self, model: SAM2Base, backend: str | Callable[..., Any]) -> None:
        super().__init__(model)
        self._attend = _Compiled(super().attend, backend)
        self._draw = _Compiled(super().draw, backend)

    def attend(
        self, image: Tensor, position: Tensor, points: Tensor, labels: Tensor, masks: Tensor | None
    ) -> Attended:
        """See `DecoderCore.attend`; the batch is filled up to one of `SIZES`."""
        n = len(points)
        size = fixed_size(n, "prompts")
        if size is None or image.ndim != position.ndim:
            return super().attend(image, position, points, labels, masks)
        points, labels = _filled(points, size), _filled(labels, size)
        masks = None if masks is None else _filled(masks, size)
        found = self._attend(image, position, points, labels, masks)
        score = found.object_score
        return Attended(
            found.image[:n],
            found.predicted_iou[:n],
            None if score is None else score[:n],
            found.mask_tokens[:n],
        )

    def draw(
        self, image: Tensor, mask_tokens: Tensor, high_res_1: Tensor, high_res_0: Tensor
    ) -> Tensor:
        """See `DecoderCore.draw`; the batch is filled up to one of `SIZES`."""
        n = len(image)
        size = fixed_size(n, "prompts")
        if size is None:
            return super().draw(image, mask_tokens, high_res_1, high_res_0)
        image, mask_tokens = _filled(image, size), _filled(mask_tokens, size)
        return self._draw(image, mask_tokens, high_res_1, high_res_0)[:n]


def fixed_size(n: int, kind: Kind) -> int | None:
    """Return the size that a batch of `n` prompts or images is filled up to.

    None if it is empty, or if the device's memory is too small for that size.
    """
    largest = SIZES[kind][-1]
    size = next((size for size in SIZES[kind] if size >= n), -(-n // largest) * largest)
    return size if n and within_limit(kind, size) == size else None


def _filled(rows: Tensor, size: int) -> Tensor:
    """Return rows with the first one repeated at the end until there are `size`."""
    missing = size - len(rows)
    return (
        torch.cat([rows, rows[:1].expand(missing, *rows.shape[1:])])
        if missing
        else rows.contiguous()
    )


class _CompiledEncoder(nn.Module):
    def __init__(self, encoder: nn.Module, backend: str | Callable[..., Any]) -> None:
        super().__init__()
        self._encoder = encoder
        self._encode = _Compiled(encoder.forward, backend)
        self._is_prepared = False

    def forward(self, images: Tensor) -> dict[str, Any]:
        """Return the features of images (B, 3, S, S), as the encoder itself does."""
        if not self._is_prepared:
            # sam2 keeps what it computes at the first call; it would be compiled once more then.
            self._encoder(images)
            self._is_prepared = True
        n = len(images)
        size = fixed_size(n, "images")
        features = self._encode(_filled(images, size)) if size else self._encoder(images)
        return {
            name: [each[:n] for each in found] if isinstance(found, list) else found[:n]
            for name, found in features.items()
        }


class _Compiled(Generic[Inputs, Output]):
    """A function that torch compiles at its first call; if that fails, the function itself."""

    def __init__(
        self, function: Callable[Inputs, Output], backend: str | Callable[..., Any]
    ) -> None:
        self._function = function
        self._compiled: Callable[Inputs, Output] | None = torch.compile(
            function, dynamic=False, backend=backend
        )

    def __call__(self, *inputs: Inputs.args, **named: Inputs.kwargs) -> Output:
        if self._compiled is not None:
            try:
                return self._compiled(*inputs, **named)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:  # compilers fail in many ways: no C compiler, no Triton
                first_line = str(error).strip().partition("\n")[0]
                log.warning(
                    "the model is not compiled: %s: %s. It computes as before; "
                    "model.compile=false does not try",
                    type(error).__name__,
                    first_line,
                )
                self._compiled = None
        return self._function(*inputs, **named)
