"""The dataclasses that several packages share: facts about frames, without behaviour.

Arrays stay inside a worker; objects that are sent between processes are small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipeline.tables import Table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

STAGES = (
    *("read", "aim", "encode", "decode", "match", "merge", "compose", "borders"),
    *("flow", "consult", "recall", "write"),
)
"""The stages of a frame in order: the names that a `StageClock` is given. Flow, consult and recall
belong to a second pass, which has none of the stages between read and flow."""

BEFORE_THE_MODEL = ("read", "aim")
AFTER_THE_MODEL = ("match", "merge", "compose", "borders", "write")
"""The stages that other threads do while the model works on other frames."""


class FrameStatus(StrEnum):
    """How the work on a frame ended."""

    DONE = "done"
    FAILED = "failed"


class How(StrEnum):
    """The source of an object's pixels."""

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
    """One frame of a data set: bare file names; `dataset.Layout` has the folders."""

    scene: str
    image: str
    """File name of the image, such as `frame_000000.jpg`; results are named after it."""
    ids: str
    """File name of the coarse id map, such as `frame_000000.jpg.pth`."""

    @property
    def name(self) -> str:
        """Name of the frame in messages."""
        return f"{self.scene}/{self.image}"


@dataclass(frozen=True, slots=True)
class SceneFrame:
    """One frame with the frames of its scene that help it in a second pass."""

    frame: FrameRef
    neighbours: tuple[FrameRef, ...]


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
    """How far the image itself supports the coarse ids, at most 1; 0 or less for the ids of another
    image; None if it cannot be measured. `sam.support` computes it."""

    def on_cpu(self) -> Proposals:
        """Return the same masks in main memory."""
        return replace(
            self,
            logits=self.logits.cpu(),
            predicted_iou=self.predicted_iou.cpu(),
            stability=self.stability.cpu(),
            prompt_ids=self.prompt_ids.cpu(),
        )


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """The outcome of one coarse id in one frame."""

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
    Unlike in `iou`, differences that another object's masks explain do not count."""
    moved: float
    """Share of the pixels of this id, coarse or refined, that are in only one of the two maps."""
    support_coarse: float | None = None
    """How well the image supports the border of the coarse object, in [0, 1]: the mean step of
    colour along it, as a share of the largest step within a cell across it. None without image."""
    support_refined: float | None = None
    """The same for the refined object."""
    refused: int = 0
    """Pixels that the masks gave to this id or took from it, and that kept their coarse id."""


@dataclass(frozen=True, slots=True, eq=False)
class Refinement:
    """A refined id map, with a record for each object and figures of the frame."""

    ids: npt.NDArray[np.uint16]
    """(H, W) uint16; 0 where no object is."""
    objects: tuple[ObjectRecord, ...]
    """One record per coarse id, by id."""
    stats: Mapping[str, float]
    """Figures of the frame, by name.

    - invalid_ratio, changed_ratio: shares of pixels without an id, and with another than before
    - agreement: mean `ObjectRecord.agreement`, weighted by coarse area; 1 without any object
    - image_support: `Proposals.image_support`; missing if that is None
    - refused_ratio: share of pixels where the image kept the coarse id against the masks
    - support_coarse, support_refined: means of these `ObjectRecord` fields, weighted by coarse
      area; these three are missing without an image
    - lost_ratio: area by which objects shrank, as a share of the coarse area of all
    - n_objects, n_proposals
    - n_frayed: proposals that were left out as noise, since their borders are too long
    - direct, low_confidence, merged, matched (the sum of these three), fallback: objects
    - n_neighbours, neighbours_ratio, n_returned: neighbours that showed something of the frame,
      share of pixels whose id they changed, ids that they brought back; of a second pass only, as
      the next two
    - unsteady_before, unsteady_after: share of pixels with another id than neighbours have there,
      as `refinement.neighbours.Consulted` counts it
    """
    numbers: Mapping[int, int] = field(default_factory=dict)
    """Number in `ids` of each id of the caller; empty without `data.renumber`."""
    returned: tuple[int, ...] = ()
    """Ids that the coarse map lacks and that neighbours brought back in a second pass."""


@dataclass(frozen=True, slots=True)
class FrameOutcome:
    """The outcome of one frame: a row of the journal."""

    frame: FrameRef
    status: FrameStatus
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time by stage."""
    stats: Mapping[str, float] = field(default_factory=dict)
    """`Refinement.stats` of a frame that is done."""
    stage: str | None = None
    """Stage in which a failed frame failed."""
    error: str | None = None
    """Type of the exception of a failed frame."""
    message: str | None = None
    """Text of the exception for the user; for a bug, its traceback."""
    reason: str | None = None
    """Why the frame failed, in words that are the same for all frames with the same fault."""

    @property
    def failed(self) -> bool:
        """Return whether the work on the frame failed."""
        return self.status == FrameStatus.FAILED

    @property
    def why(self) -> str:
        """Return stage and reason of a failure, the same for all frames with the same fault."""
        return f"{self.stage or 'run'}: {self.reason or self.error}"

    def as_row(self) -> dict[str, Any]:
        """Return the outcome as a mapping of plain values, for JSON."""
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
