"""Clicks on open frames, turned into masks.

A box, or a click on what is right already, asks SAM for the whole object. Every other click flips
one area around it, and what was right elsewhere stays right.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from pipeline.config import Config
from pipeline.ids import IdMap
from pipeline.recent import Recent
from pipeline.reviewing.answers import Answers, Image, Key
from pipeline.reviewing.areas import Area, Mask
from pipeline.reviewing.flips import around_click, choose_area, flip
from pipeline.reviewing.likeness import Colours, alike_areas, lab_colours
from pipeline.reviewing.strays import without_strays

if TYPE_CHECKING:
    from pipeline.sam.clicks import Clicks


@dataclass(frozen=True, slots=True, eq=False)
class _Trail:
    """The clicks on one object so far, so that the next one, or one less, is answered at once."""

    key: Key
    ids: IdMap
    id: int | None
    clicks: Clicks
    answers: list[tuple[Mask, float]]
    """The answer to the first n clicks, for n from 0."""

    def shared_with(self, key: Key, ids: IdMap, id_: int | None, clicks: Clicks) -> int:
        """Return how many answers are those to other clicks, too."""
        if (self.key, self.id, self.clicks.box) != (key, id_, clicks.box):
            return 0
        if not np.array_equal(self.ids, ids):
            return 0
        pairs = zip(_places(self.clicks), _places(clicks), strict=False)
        return 1 + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


class Clicker:
    """Turns clicks into masks; calls from several threads wait for one another.

    Parameters
    ----------
    config
        Its section `model` is used. The model is loaded with the first frame.
    """

    def __init__(self, config: Config) -> None:
        self._answers = Answers(config)
        self._colours: Recent[tuple[Key, tuple[int, ...]], Colours] = Recent(1)
        self._trail: _Trail | None = None
        self._working = threading.Lock()

    def prepare(self, key: Key, read_image: Callable[[], Image]) -> None:
        """Encode a frame's image, unless its features are kept from before.

        Raises
        ------
        ModelError
            The model cannot be loaded.
        FrameError
            The image cannot be read.
        """
        with self._working:
            self._answers.prepare(key, read_image)

    def ask(
        self, key: Key, image: Image, clicks: Clicks, ids: IdMap, id_: int | None
    ) -> tuple[Mask, float]:
        """Return the mask that clicks on a frame mean, and how sure it is.

        Parameters
        ----------
        key
            Scene and image of the frame.
        image
            (H', W', 3).
        clicks
            At least one click, or a box.
        ids
            (H, W) the map as it is drawn so far, which nobody changes afterwards.
        id_
            The object that is clicked; None for a new one.

        Returns
        -------
        mask
            (H, W). Every click lies on its side of the mask.
        rating
            In [0, 1]: SAM's own rating of a whole object, else the mean IoU of the area that was
            flipped last with the other answers to its click.

        Raises
        ------
        ModelError
            The model cannot be loaded.
        """
        with self._working:
            trail = self._trail
            shared = trail.shared_with(key, ids, id_, clicks) if trail else 0
            answers = trail.answers[:shared] if trail else []
            if not answers:
                answers.append(self._start(key, image, clicks, ids, id_))
            for count in range(len(answers), len(clicks.points) + 1):
                mask, _ = answers[-1]
                answers.append(self._next(key, image, _first(clicks, count), ids, mask))
            self._trail = _Trail(key, ids, id_, clicks, answers)
            return answers[-1]

    def _start(
        self, key: Key, image: Image, clicks: Clicks, ids: IdMap, id_: int | None
    ) -> tuple[Mask, float]:
        """Return the mask before the first click: the object as it is drawn, or SAM's in a box."""
        drawn = ids == id_ if id_ else np.zeros(ids.shape, np.bool_)
        return self._whole(key, image, _first(clicks, 0), drawn) if clicks.box else (drawn, 1.0)

    def _next(
        self, key: Key, image: Image, clicks: Clicks, ids: IdMap, drawn: Mask
    ) -> tuple[Mask, float]:
        """Return the mask after the last of some clicks."""
        shape = ids.shape[0], ids.shape[1]
        places = clicked_pixels(clicks, shape)
        place, inside = places[-1], clicks.inside[-1]
        if drawn[place] == inside:
            is_first = len(places) == 1 and not clicks.box
            return self._whole(key, image, clicks, drawn) if is_first else (drawn, 1.0)
        free = drawn != inside
        opposed = [at for at, each in zip(places, clicks.inside, strict=True) if each != inside]
        colours = self._colours.get((key, shape), lambda: lab_colours(image, shape))
        whole, _ = self._answers.of_object(key, image, clicks, drawn)
        answers = [
            Area(0, 0, whole == inside),
            *self._answers.of_place(key, image, *clicks.points[-1], shape),
            *alike_areas(colours, *place, free),
        ]
        found = [around_click(answer, place, free, opposed) for answer in answers]
        loser = ids == ids[place] if inside else drawn
        area, likeness = choose_area(found, place, colours, free, loser)
        return flip(drawn, area), likeness

    def _whole(self, key: Key, image: Image, clicks: Clicks, drawn: Mask) -> tuple[Mask, float]:
        mask, rating = self._answers.of_object(key, image, clicks, drawn)
        known = drawn if drawn.any() else None
        inside = [
            place
            for place, is_inside in zip(
                clicked_pixels(clicks, drawn.shape), clicks.inside, strict=True
            )
            if is_inside
        ]
        return without_strays(mask, inside, known, clicks.box is not None), rating


def clicked_pixels(clicks: Clicks, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return row and column of each click in a map of a size, (H, W)."""
    height, width = shape
    return [
        (min(int(y * height), height - 1), min(int(x * width), width - 1)) for x, y in clicks.points
    ]


def _first(clicks: Clicks, count: int) -> Clicks:
    return replace(clicks, points=clicks.points[:count], inside=clicks.inside[:count])


def _places(clicks: Clicks) -> Iterator[tuple[tuple[float, float], bool]]:
    return zip(clicks.points, clicks.inside, strict=True)
