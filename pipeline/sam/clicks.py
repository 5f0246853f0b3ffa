"""One mask from a person's clicks and box, and from the object as it is drawn so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from pipeline.ids import resize_nearest
from pipeline.sam.decoder import PromptDecoder, Prompts
from pipeline.sam.guided import FINENESS, single_mask, soft_logits
from pipeline.sam.targets import BOX_END, BOX_START

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Clicks:
    """What a person pointed at; coordinates are shares of the image's width and height."""

    points: tuple[tuple[float, float], ...] = ()
    """(x, y) in [0, 1]."""
    inside: tuple[bool, ...] = ()
    """Whether each point is to lie inside the object."""
    box: tuple[float, float, float, float] | None = None
    """(left, top, right, bottom) in [0, 1]: the object lies inside."""

    @property
    def is_ambiguous(self) -> bool:
        """Whether several objects fit, such as a chair and its seat."""
        return self.box is None and len(self.points) < 2


def segment_clicks(
    decoder: PromptDecoder, clicks: Clicks, drawn: Mask | None = None
) -> tuple[Tensor, float]:
    """Ask SAM for the mask of one object.

    Parameters
    ----------
    decoder
        The mask decoder on the image.
    clicks
        At least one point, or a box.
    drawn
        (h, w) the object as it is drawn so far, of any size; None for a new object.

    Returns
    -------
    logits
        (4 s, 4 s) float32, above 0 inside the object.
    rating
        SAM's own rating of the mask, in [0, 1]. Of several that fit an ambiguous click, the best
        rated one is taken.
    """
    corners = () if clicks.box is None else (clicks.box[:2], clicks.box[2:])
    labels = [*(BOX_START, BOX_END)[: len(corners)], *map(int, clicks.inside)]
    prompts = Prompts(
        torch.tensor([[*corners, *clicks.points]], dtype=torch.float32, device=decoder.device),
        torch.tensor([labels], dtype=torch.int32, device=decoder.device),
        None if drawn is None else _as_prompt(drawn, decoder),
    )
    is_open = clicks.is_ambiguous and drawn is None
    found = decoder.decode(prompts, _all_but_single if is_open else single_mask)
    best = int(found.predicted_iou.argmax())
    return found.logits[best], float(found.predicted_iou[best].clamp(0, 1))


def segment_place(decoder: PromptDecoder, x: float, y: float) -> Tensor:
    """Ask SAM for all masks of a single click, which may mean a part or a whole.

    Parameters
    ----------
    decoder
        The mask decoder on the image.
    x, y
        The click, as shares of width and height.

    Returns
    -------
    (4, 4 s, 4 s) float32 logits, above 0 inside; the first is SAM's single mask.
    """
    prompts = Prompts(
        torch.tensor([[[x, y]]], dtype=torch.float32, device=decoder.device),
        torch.ones(1, 1, dtype=torch.int32, device=decoder.device),
    )
    return decoder.decode(prompts, _all).logits


def upsampled(logits: Tensor, shape: tuple[int, int]) -> Mask:
    """Return the mask (H, W) where logits (h, w), stretched bilinearly, are above 0."""
    stretched = F.interpolate(logits[None, None].float(), shape, mode="bilinear")[0, 0]
    mask: Mask = (stretched > 0).cpu().numpy()
    return mask


def _as_prompt(drawn: Mask, decoder: PromptDecoder) -> Tensor:
    side = FINENESS * decoder.mask_size
    small = torch.from_numpy(resize_nearest(drawn, (side, side)).astype(np.float32))
    return soft_logits(small[None].to(decoder.device))


def _all(predicted_iou: Tensor) -> Tensor:
    return torch.ones_like(predicted_iou, dtype=torch.bool)


def _all_but_single(predicted_iou: Tensor) -> Tensor:
    several = _all(predicted_iou)
    several[:, 0] = False
    return several
