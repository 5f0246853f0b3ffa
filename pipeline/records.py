"""The few dataclasses that travel between rooms.

They hold facts, not behaviour. Arrays stay inside a worker; what crosses process borders is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipeline.tables import Table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

STAGES = ("read", "encode", "decode", "match", "merge", "compose", "borders", "write")
"""A frame's way, in order; the names that a `StageClock` is given."""


class FrameStatus(StrEnum):
    """How the work on a frame ended."""

    DONE = "done"
    FAILED = "failed"


class How(StrEnum):
    """Where the pixels of an object come from."""

    DIRECT = "direct"
    """From one mask that fits the coarse object."""
    LOW_CONFIDENCE = "low_confidence"
    """From one mask with an IoU below the threshold, where other objects explain the rest of it."""
    MERGED = "merged"
    """From several masks together."""
    FALLBACK = "fallback"
    """From the coarse map."""


@dataclass(frozen=True, slots=True)
class FrameRef:
    """One frame of a data set: bare file names; `dataset.Layout` knows the folders."""

    scene: str
    image: str
    """File name of the image, such as `frame_000000.jpg`; results are named after it."""
    ids: str
    """File name of the coarse id map, such as `frame_000000.jpg.pth`."""

    @property
    def name(self) -> str:
        """Name of the frame in messages."""
        return f"{self.scene}/{self.image}"


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """Masks that SAM 2 proposes for one image, at SAM's own low resolution.

    A mask covers the whole image: cell (y, x) of its (h, w) logits is the image area
    [y·H/h, (y+1)·H/h) x [x·W/w, (x+1)·W/w). A cell is inside where its logit is above 0.
    """

    logits: torch.Tensor
    """(N, h, w) float, on the device that made them."""
    predicted_iou: torch.Tensor
    """(N,) float32 in [0, 1]: SAM's own rating of each mask."""
    stability: torch.Tensor
    """(N,) float32 in [0, 1]: IoU of the mask cut at +1 and at -1."""
    prompt_ids: torch.Tensor
    """(N,) int64: the coarse id that the prompt came from; 0 for a prompt of the grid."""
    image_support: float | None = None
    """How far the image itself bears out the coarse ids, at most 1; 0 or less for the ids of
    another image; None where that cannot be said. `sam.support` measures it."""


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """What became of one coarse id in one frame."""

    id: int
    how: How
    iou: float
    """IoU of the masks used with the coarse object, in [0, 1]; 0 for a fallback."""
    coverage: float
    """Share of the coarse object that these masks cover, in [0, 1]; 0 for a fallback."""
    n_masks: int
    """Masks used; 0 for a fallback."""
    area: int
    """Pixels of this id in the refined map."""
    coarse_area: int
    """Pixels of this id in the coarse map."""
    agreement: float
    """How far the masks used and the coarse map agree on this object, in [0, 1]; 0 for a fallback.
    Unlike `iou`, what another object's masks explain does not count against it."""
    moved: float
    """Share of the pixels of this id, coarse or refined, that are in only one of the two maps."""
    support_coarse: float | None = None
    """How well the image bears out the border of the coarse object, in [0, 1]: the mean step of
    colour along it, as a share of the largest step within a cell across it. None without image."""
    support_refined: float | None = None
    """The same for the refined object."""
    refused: int = 0
    """Pixels that the masks gave to this id or took from it, and the image did not."""


@dataclass(frozen=True, slots=True, eq=False)
class Refinement:
    """A refined id map and how it came about."""

    ids: npt.NDArray[np.uint16]
    """(H, W) uint16; 0 where no object is."""
    objects: tuple[ObjectRecord, ...]
    """One record per coarse id, by id."""
    stats: Mapping[str, float]
    """Figures of the frame, by name.

    - invalid_ratio, changed_ratio: shares of pixels without an id, and with another than before
    - agreement: mean `ObjectRecord.agreement`, weighted by coarse area; 1 without any object
    - image_support: `Proposals.image_support`; not there where nothing can be said
    - refused_ratio: share of pixels where the image kept the coarse id against the masks
    - support_coarse, support_refined: mean `ObjectRecord` figures of the names, weighted by coarse
      area; these three are not there without an image
    - lost_ratio: area by which objects shrank, as a share of the coarse area of all
    - n_objects, n_proposals
    - n_frayed: proposals that were left out as noise, since they have more border than shape
    - direct, low_confidence, merged, matched (the sum of these three), fallback: objects
    """
    numbers: Mapping[int, int] = field(default_factory=dict)
    """Which number each id of the caller has in `ids`, where `data.renumber` gave any."""


@dataclass(frozen=True, slots=True)
class FrameOutcome:
    """What became of one frame: the row of the journal."""

    frame: FrameRef
    status: FrameStatus
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time by stage."""
    stats: Mapping[str, float] = field(default_factory=dict)
    """`Refinement.stats` of a frame that is done."""
    stage: str | None = None
    """Where a failed frame failed."""
    error: str | None = None
    """Type of the exception of a failed frame."""
    message: str | None = None
    """What a user can act on; of a bug, its traceback."""
    reason: str | None = None
    """Why it failed, in words that are the same for all frames with the same fault."""

    @property
    def failed(self) -> bool:
        """Whether the frame has no result of this work."""
        return self.status == FrameStatus.FAILED

    @property
    def why(self) -> str:
        """Say where and why a failed frame failed, the same for all frames with the same fault."""
        return f"{self.stage or 'run'}: {self.reason or self.error}"

    def as_row(self) -> dict[str, Any]:
        """Return plain values only, for JSON."""
        return {
            "scene": self.frame.scene,
            "image": self.frame.image,
            "ids": self.frame.ids,
            "status": self.status,
            "seconds": dict(self.seconds),
            "stats": dict(self.stats),
            "stage": self.stage,
            "error": self.error,
            "message": self.message,
            "reason": self.reason,
        }

    def _repr_html_(self) -> str:
        facts = {"scene": self.frame.scene, "image": self.frame.image, "status": self.status}
        failure = {"stage": self.stage, "error": self.error, "message": self.message}
        facts |= {what: text for what, text in failure.items() if text}
        figures = {**self.stats, **{f"{stage}, s": took for stage, took in self.seconds.items()}}
        rows = [*facts.items(), *((what, f"{number:.4g}") for what, number in figures.items())]
        return Table(("frame", ""), rows, words=frozenset({0, 1})).as_html()
