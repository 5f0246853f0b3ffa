"""The ranking of settings by their scores, and the best of them as a config file."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config import Config
from pipeline.dataset.whole_files import write_whole
from pipeline.plain_yaml import write_yaml
from pipeline.tables import Row, Table
from pipeline.text import printable
from pipeline.tuning.candidates import Candidate
from pipeline.tuning.trial import FrameTrial, Score

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Ranked:
    """One choice of settings with its means."""

    candidate: Candidate
    invalid: float
    """Mean over frames."""
    agreement: float
    """Mean over frames."""
    seconds: float
    """Mean over frames, of refinement without SAM."""
    iou: float
    """Mean over objects against the truth; this and the next two are NaN without a truth."""
    boundary_f: float
    harmed: float
    """Share of objects that lost more than 0.02 of IoU."""

    @property
    def score(self) -> float:
        """Rank without a truth: agreement times the share of pixels with an id, in [0, 1]."""
        return self.agreement * (1 - self.invalid)

    @property
    def merit(self) -> tuple[float, float]:
        """Sort key: the IoU with the truth, or 0 without one, then the score."""
        return (0.0 if np.isnan(self.iou) else self.iou, self.score)


@dataclass(frozen=True, slots=True)
class Tuning:
    """Settings from best to worst, shown as a table in print and in notebooks."""

    ranked: tuple[Ranked, ...]
    frames: int
    """Number of frames on which all settings were tried."""
    frames_with_truth: int
    coarse_iou: float
    """Mean IoU of the coarse maps with the truth; NaN without a truth."""
    problems: tuple[str, ...]
    """Frames that could not be used, in words."""

    @property
    def best(self) -> Config:
        """The settings that rank first."""
        return self.ranked[0].candidate.config

    def save(self, path: str | Path) -> None:
        """Write the best settings as a YAML config that a run takes.

        Raises
        ------
        StorageError
            The file cannot be written.
        """
        first = self.ranked[0]
        lines = [
            "# Found by `autorefiner tune`: the best of "
            f"{len(self.ranked)} settings on {self.frames} frame(s).",
            f"# {self._said(first)}",
            "",
            write_yaml(_not_default(first.candidate.config)),
        ]
        write_whole(Path(path), "\n".join(lines).encode())

    def table(self) -> Table:
        """Return the best `SHOWN` settings with their figures."""
        truth = self.frames_with_truth > 0
        header = "settings,agreement,invalid,score" + (",IoU,boundary F,harmed" if truth else "")
        rows: list[Row] = []
        for ranked in self.ranked[:SHOWN]:
            row: Row = (
                printable(ranked.candidate.label),
                f"{ranked.agreement:.4f}",
                f"{100 * ranked.invalid:.2f} %",
                f"{ranked.score:.4f}",
            )
            if truth:
                row += (
                    f"{ranked.iou:.4f}",
                    f"{ranked.boundary_f:.4f}",
                    f"{100 * ranked.harmed:.1f} %",
                )
            rows.append(row)
        return Table(tuple(header.split(",")), rows)

    def as_text(self) -> str:
        """Format the ranking for a terminal."""
        return "\n\n".join(["\n".join(self._head()), self.table().as_text()])

    def __str__(self) -> str:
        return self.as_text()

    def _repr_html_(self) -> str:
        head = "".join(f"<p>{html.escape(line)}</p>" for line in self._head())
        return f"<div>{head}{self.table().as_html()}</div>"

    def _head(self) -> list[str]:
        by = (
            f"by IoU with the truth of {self.frames_with_truth} frame(s) (coarse ids: "
            f"{self.coarse_iou:.4f})"
            if self.frames_with_truth
            else "by score: agreement x share of pixels with an id; there is no truth"
        )
        lines = [f"{len(self.ranked)} settings on {self.frames} frame(s), ranked {by}"]
        if len(self.ranked) > SHOWN:
            lines.append(f"the best {SHOWN} are listed")
        return lines + [f"left out: {printable(problem)}" for problem in self.problems]

    def _said(self, ranked: Ranked) -> str:
        text = f"agreement {ranked.agreement:.4f}, invalid {100 * ranked.invalid:.2f} %"
        return text + (f", IoU {ranked.iou:.4f}" if self.frames_with_truth else "")


def rank(candidates: Sequence[Candidate], trials: Sequence[FrameTrial]) -> Tuning:
    """Return settings ranked by their trials on frames."""
    good = [trial for trial in trials if trial.scores]
    ranked = [
        _mean(candidate, [trial.scores[number] for trial in good])
        for number, candidate in enumerate(candidates)
    ]
    coarse = [trial.coarse for trial in good if trial.coarse]
    objects = sum(score.n_objects for score in coarse)
    return Tuning(
        # The sort is stable, so settings of equal merit stay in the order given.
        ranked=tuple(sorted(ranked, key=lambda each: each.merit, reverse=True)),
        frames=len(good),
        frames_with_truth=len(coarse),
        coarse_iou=sum(s.iou for s in coarse) / objects if objects else float("nan"),
        problems=tuple(f"{trial.frame.name}: {trial.problem}" for trial in trials if trial.problem),
    )


def _mean(candidate: Candidate, scores: Sequence[Score]) -> Ranked:
    objects = sum(score.n_objects for score in scores)

    def over_objects(total: float) -> float:
        return total / objects if objects else float("nan")

    return Ranked(
        candidate=candidate,
        invalid=float(np.mean([score.invalid for score in scores])),
        agreement=float(np.mean([score.agreement for score in scores])),
        seconds=float(np.mean([score.seconds for score in scores])),
        iou=over_objects(sum(score.iou for score in scores)),
        boundary_f=over_objects(sum(score.boundary_f for score in scores)),
        harmed=over_objects(sum(score.harmed for score in scores)),
    )


def _not_default(config: Config) -> dict[str, dict[str, Any]]:
    """Return the settings that differ from the defaults, by section."""
    found: dict[str, dict[str, Any]] = {}
    for each in config.in_plain_values():
        if each.is_changed:
            found.setdefault(each.section, {})[each.key] = each.value
    return found
