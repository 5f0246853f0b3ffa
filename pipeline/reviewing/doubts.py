"""How doubtful a frame is: the share of doubt that each of its figures raises, and all together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.reviewing.figures import FrameFigures, Values

Doubts = npt.NDArray[np.float32]

PLAIN_SUPPORT = 0.37
"""Image support from which ids are certainly those of the image (SECURITY.md)."""


@dataclass(frozen=True, slots=True)
class Ground:
    """One ground to doubt a frame."""

    name: str
    title: str
    meaning: str
    weight: float
    """Doubt about a frame in which this ground alone is at its worst, in [0, 1]."""


GROUNDS = (
    Ground("agreement", "agreement", "masks and coarse ids disagree", 1.0),
    Ground("image", "image support", "the image has few borders where the ids have them", 0.9),
    Ground("flicker", "flicker", "objects go here and are back a few frames later", 0.9),
    Ground("area", "lost area", "objects shrank, or pixels have no id", 0.8),
    Ground("fallback", "kept coarse", "no mask was good enough for objects", 0.6),
)
FAILED = "failed"


def raise_doubts(
    figures: FrameFigures, flicker: Mapping[tuple[str, str], int]
) -> dict[str, Doubts]:
    """Return the doubt about each frame by ground, and all together under the name `doubt`.

    Parameters
    ----------
    figures
        The figures of the frames.
    flicker
        By (scene, image), the objects that go in this frame and are back a few frames later.

    Returns
    -------
    dict of (N,) float32
        In [0, 1]; a figure that is not known raises no doubt. Grounds are put together as if they
        were independent: 1 minus the product of what each leaves of certainty. A frame that failed
        has no result, and all the doubt there is.
    """
    columns = figures.columns
    raised = {
        "agreement": _known(1 - columns["agreement"]),
        "image": np.maximum(
            _known(1 - columns["image_support"] / PLAIN_SUPPORT),
            _known(1 - 2 * columns["support_refined"]),
        ),
        "flicker": _flicker(figures, flicker),
        "area": np.maximum(_known(3 * columns["lost_ratio"]), _known(columns["invalid_ratio"])),
        "fallback": _known((columns["fallback"] / columns["n_objects"].clip(1)).astype(np.float32)),
    }
    certain = np.ones(len(figures), np.float32)
    for ground in GROUNDS:
        certain *= 1 - np.float32(ground.weight) * raised[ground.name]
    certain[figures.failed] = 0
    return {"doubt": 1 - certain, **raised}


def main_ground(raised: Mapping[str, Doubts], row: int) -> Ground | None:
    """Return the ground that raises most of the doubt about a frame; None without any doubt."""
    first = max(GROUNDS, key=lambda ground: ground.weight * float(raised[ground.name][row]))
    return first if raised[first.name][row] > 0 else None


def _flicker(figures: FrameFigures, flicker: Mapping[tuple[str, str], int]) -> Doubts:
    gone = np.zeros(len(figures), np.float32)
    if flicker:
        keys = zip(figures.scenes, figures.images, strict=True)
        gone[:] = [flicker.get(key, 0) for key in keys]
    doubts: Doubts = gone / (gone + 1)
    return doubts


def _known(values: Values) -> Doubts:
    doubts: Doubts = np.nan_to_num(values, nan=0.0).clip(0, 1).astype(np.float32)
    return doubts
