"""The queue: all frames of a data set, ranked by doubt, and what was done about each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.reviewing.doubts import GROUNDS, Doubts, main_ground, raise_doubts
from pipeline.reviewing.figures import FrameFigures

RANKS = ("doubt", *(ground.name for ground in GROUNDS), "name")
"""Orders of the queue: by all doubts together, by one ground, by scene and image."""
MOST_ROWS = 200
"""Most rows that are sent at once."""


class State(IntEnum):
    """What was done about a frame."""

    OPEN = 0
    DRAFT = 1
    """Changes are not saved yet."""
    FIXED = 2
    """A fix is saved, or the frame was accepted as it is."""


SHOWN = {"all": tuple(State), "open": (State.OPEN, State.DRAFT), "fixed": (State.FIXED,)}
"""The states of frames that a filter shows."""


@dataclass(slots=True)
class Queue:
    """All frames with their doubts; rows keep their numbers while the queue lives."""

    figures: FrameFigures
    raised: Mapping[str, Doubts]
    state: npt.NDArray[np.int8]
    _orders: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    _rows: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, figures: FrameFigures, flicker: Mapping[tuple[str, str], int]) -> Queue:
        """Return a queue of frames, of which nothing has been done about any."""
        raised = raise_doubts(figures, flicker)
        keys = zip(figures.scenes, figures.images, strict=True)
        queue = cls(figures, raised, np.zeros(len(figures), np.int8))
        queue._rows = {key: row for row, key in enumerate(keys)}
        return queue

    def set_state(self, frames: Iterable[tuple[str, str]], state: State) -> None:
        """Say what was done about frames (scene, image); those that are not in it are left out."""
        for frame in frames:
            row = self._rows.get(frame)
            if row is not None:
                self.state[row] = state

    def find(self, scene: str, image: str) -> int | None:
        """Return the row of a frame; None if it is not in the queue."""
        return self._rows.get((scene, image))

    def select(self, rank: str, show: str = "all", words: str = "") -> npt.NDArray[np.int64]:
        """Return the rows to show, first those to look at first.

        Parameters
        ----------
        rank
            One of `RANKS`.
        show
            A key of `SHOWN`.
        words
            Words that scene and image have to contain, each in any place.
        """
        order = self._order(rank)
        if show != "all":
            order = order[np.isin(self.state[order], SHOWN[show])]
        for word in words.casefold().split():
            order = order[[word in self._name(row).casefold() for row in order.tolist()]]
        return order

    def rows(self, selected: npt.NDArray[np.int64], start: int, count: int) -> list[dict[str, Any]]:
        """Return a page of rows as plain values for the browser."""
        page = selected[start : start + min(count, MOST_ROWS)]
        return [self._row(row) for row in page.tolist()]

    def counts(self) -> dict[str, int]:
        """Return the number of frames by state, and of all."""
        of_state = np.bincount(self.state, minlength=len(State)).tolist()
        named = {state.name.lower(): of_state[state] for state in State}
        return {"all": len(self.figures), **named}

    def _order(self, rank: str) -> npt.NDArray[np.int64]:
        if rank not in self._orders:
            # Rows are sorted by name, which a stable sort keeps for frames of equal doubt.
            self._orders[rank] = (
                np.arange(len(self.figures))
                if rank == "name"
                else np.argsort(-self.raised[rank], kind="stable")
            )
        return self._orders[rank]

    def _name(self, row: int) -> str:
        return f"{self.figures.scenes[row]}/{self.figures.images[row]}"

    def _row(self, row: int) -> dict[str, Any]:
        failed = bool(self.figures.failed[row])
        ground = main_ground(self.raised, row)
        why = "failed: no result" if failed else ground.title if ground else ""
        return {
            "scene": self.figures.scenes[row],
            "image": self.figures.images[row],
            "doubt": round(float(self.raised["doubt"][row]), 3),
            "why": why,
            "grounds": {
                ground.name: round(float(self.raised[ground.name][row]), 3) for ground in GROUNDS
            },
            "state": State(self.state[row]).name.lower(),
        }
