"""The choice of the frames that are worth a look first, and the reasons for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from pipeline.record.tally import SUSPICIOUS_SUPPORT
from pipeline.report.columns import Frames, Ints

PER_SCENE = 2
"""Most frames of one scene for one reason, so that one bad scene cannot fill the page."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One way in which a frame stands out."""

    name: str
    title: str
    measure: str
    lowest: bool
    """Whether the lowest values stand out, not the highest."""
    meaning: str
    normal: float
    """The value at which a frame no longer stands out."""
    counts: str = ""
    """The words behind a measure that is a count; empty for a share."""

    def say(self, value: float) -> str:
        """Return a value of the measure as text."""
        return f"{value:.0f} {self.counts}" if self.counts else f"{100 * value:.1f} %"


REASONS = (
    Reason(
        "change",
        "Large change",
        "changed_ratio",
        lowest=False,
        meaning="pixels that have another id than before",
        normal=0.0,
    ),
    Reason(
        "agreement",
        "Low agreement",
        "agreement",
        lowest=True,
        meaning="how far SAM's masks and the coarse ids agree, by area",
        normal=1.0,
    ),
    Reason(
        "invalid",
        "Much invalid",
        "invalid_ratio",
        lowest=False,
        meaning="pixels without an id",
        normal=0.0,
    ),
    Reason(
        "lost",
        "Lost area",
        "lost_ratio",
        lowest=False,
        meaning="area by which objects shrank",
        normal=0.0,
    ),
    Reason(
        "refused",
        "Masks refused",
        "refused_ratio",
        lowest=False,
        meaning="pixels where the image kept the coarse id against SAM's masks",
        normal=0.0,
    ),
    Reason(
        "flicker",
        "Flicker",
        "flicker",
        lowest=False,
        meaning="objects that go here and are back a few frames later, as `autorefiner stats` saw",
        normal=0.0,
        counts="gone",
    ),
    Reason(
        "returned",
        "Objects came back",
        "n_returned",
        lowest=False,
        meaning="objects that the coarse ids lack here and that neighbours brought back",
        normal=0.0,
        counts="back",
    ),
    Reason(
        "pairing",
        "Suspicious pairing",
        "image_support",
        lowest=True,
        meaning="borders of ids that the image bears out: so few that the ids may be another's",
        normal=SUSPICIOUS_SUPPORT,
    ),
)


@dataclass(frozen=True, slots=True)
class Look:
    """A frame to look at."""

    row: int
    """Index into the arrays of `Frames`."""
    reasons: tuple[Reason, ...]


def worth_a_look(frames: Frames, per_reason: int) -> list[Look]:
    """Return the frames that stand out most, up to `per_reason` for each reason; each frame once.

    A normal value (no change, full agreement) never stands out, nor does a frame that was fixed.
    """
    chosen: dict[int, list[Reason]] = {}
    for reason in REASONS:
        for row in _extremes(frames, reason, per_reason):
            chosen.setdefault(int(row), []).append(reason)
    return [Look(row, tuple(reasons)) for row, reasons in chosen.items()]


def _extremes(frames: Frames, reason: Reason, count: int) -> list[int]:
    values = frames.measures[reason.measure]
    harm = reason.normal - values if reason.lowest else values - reason.normal
    rows: Ints = np.flatnonzero(frames.done & ~frames.fixed & (harm > 0))
    picked: list[int] = []
    from_scene: Counter[int] = Counter()
    for row in rows[np.argsort(-harm[rows], kind="stable")]:
        if len(picked) == count:
            break
        scene = int(frames.scene[row])
        if from_scene[scene] < PER_SCENE:
            from_scene[scene] += 1
            picked.append(int(row))
    return picked
