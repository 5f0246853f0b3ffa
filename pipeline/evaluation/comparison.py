"""The differences between two sets of ids, as text, as HTML and as a picture."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from pipeline.drawing.changes import ObjectChange, object_changes
from pipeline.drawing.overlay import (
    Picture,
    draw_ids,
    overlay,
    paint_changes,
    side_by_side,
)
from pipeline.drawing.pictures import data_uri, shrink
from pipeline.ids import IdMap, resize_nearest
from pipeline.tables import Row, Table
from pipeline.text import printable

SHOWN_PAIRS = 20
"""Most pairs of maps that are listed, starting with those that differ most."""
SMALLEST_NUMBERED = 0.002
"""Smallest area of an object with a number in the picture, as a share of the picture."""
NOTEBOOK_WIDTH = 1200


@dataclass(frozen=True, slots=True)
class PairChange:
    """The differences between two id maps of one name."""

    name: str
    changed: float
    """Share of pixels that have another id, in [0, 1]."""
    n_pixels: int
    """Pixels of the first map; a second map of another size is stretched to it."""
    objects: tuple[ObjectChange, ...]
    """A change for each id in either map, by id."""

    @property
    def common(self) -> tuple[int, ...]:
        """Ids that both maps hold."""
        return tuple(o.id for o in self.objects if o.before and o.after)

    @property
    def only_before(self) -> tuple[int, ...]:
        """Ids that only the first map holds."""
        return tuple(o.id for o in self.objects if not o.after)

    @property
    def only_after(self) -> tuple[int, ...]:
        """Ids that only the second map holds."""
        return tuple(o.id for o in self.objects if not o.before)


def compare_maps(name: str, before: IdMap, after: IdMap) -> PairChange:
    """Return the differences between two id maps, (H, W) integers in [0, 65535] each."""
    changed = float(np.mean(before != resize_nearest(after, before.shape)))
    return PairChange(name, changed, before.size, object_changes(before, after))


def draw_comparison(
    image: Picture | None, before: IdMap, after: IdMap, captions: tuple[str, str]
) -> Image.Image:
    """Draw both maps and their differences side by side, over their image if there is one."""
    if image is None:
        image = np.full((*before.shape, 3), 128, np.uint8)
    least = int(SMALLEST_NUMBERED * image.shape[0] * image.shape[1])
    shown = [draw_ids(overlay(image, ids), ids, min_area=least) for ids in (before, after)]
    shown.append(paint_changes(image, before, after))
    return side_by_side(shown, [*captions, "changed"])


@dataclass(frozen=True)
class Comparison:
    """The differences between two sets of ids: printed a table, in a notebook a picture, too."""

    before: str
    """Name of the first set."""
    after: str
    pairs: tuple[PairChange, ...]
    """Changes of all pairs, largest first."""
    unpaired: tuple[str, ...]
    """A line for each map that one set lacks."""
    problems: tuple[str, ...]
    """A line for each pair that could not be read."""
    picture: Image.Image | None
    """Picture of the pair that differs most; None without a pair."""

    @cached_property
    def changed(self) -> float:
        """Share of changed pixels over all pairs, in [0, 1]; NaN without a pair."""
        pixels = sum(pair.n_pixels for pair in self.pairs)
        changed = sum(pair.changed * pair.n_pixels for pair in self.pairs)
        return changed / pixels if pixels else float("nan")

    @property
    def equal(self) -> bool:
        """Whether both sets hold the same maps."""
        return not self.changed and not self.unpaired and not self.problems

    def as_text(self) -> str:
        """Return the tables for a terminal."""
        parts = ["\n".join(self._head()), *(table.as_text() for table in self._tables())]
        return "\n\n".join(parts)

    def __str__(self) -> str:
        return self.as_text()

    def _repr_html_(self) -> str:
        head = "".join(f"<p>{html.escape(line)}</p>" for line in self._head())
        shown = ""
        if self.picture:
            small = shrink(np.asarray(self.picture), NOTEBOOK_WIDTH)
            shown = f'<img alt="both maps and what changed" src="{data_uri(small)}">'
        return f"<div>{head}{shown}{''.join(table.as_html() for table in self._tables())}</div>"

    def _head(self) -> list[str]:
        ids = {
            "in both": sum(len(pair.common) for pair in self.pairs),
            "only in A": sum(len(pair.only_before) for pair in self.pairs),
            "only in B": sum(len(pair.only_after) for pair in self.pairs),
        }
        lines = [f"A: {printable(self.before)}", f"B: {printable(self.after)}"]
        lines += [
            f"{len(self.pairs)} pair(s) of maps; {100 * self.changed:.2f} % of pixels changed"
        ]
        lines += ["ids: " + ", ".join(f"{count} {where}" for where, count in ids.items())]
        lines += _some("maps without a partner", self.unpaired)
        lines += _some("maps that cannot be compared", self.problems)
        return lines

    def _tables(self) -> list[Table]:
        if len(self.pairs) == 1:
            return [object_table(self.pairs[0].objects)]
        return [pair_table(self.pairs[:SHOWN_PAIRS])] if self.pairs else []


def object_table(objects: Sequence[ObjectChange]) -> Table:
    """Return a table of the objects of a pair."""
    rows: list[Row] = [
        (
            str(o.id),
            f"{o.before}",
            f"{o.after}",
            _relative(o),
            f"{o.iou:.3f}" if o.before and o.after else "-",
        )
        for o in objects
    ]
    return Table(("id", "A px", "B px", "change", "IoU"), rows)


def pair_table(pairs: Sequence[PairChange]) -> Table:
    """Return a table of pairs of maps with the largest changes in each."""
    rows: list[Row] = []
    for pair in pairs:
        least = min((o for o in pair.objects), key=lambda o: o.iou, default=None)
        rows.append(
            (
                printable(pair.name),
                f"{100 * pair.changed:.2f} %",
                str(len(pair.common)),
                str(len(pair.only_before)),
                str(len(pair.only_after)),
                f"{least.iou:.3f} (id {least.id})" if least else "-",
            )
        )
    return Table(("map", "changed", "common", "only A", "only B", "least IoU"), rows)


def _relative(change: ObjectChange) -> str:
    if not change.before:
        return "only in B"
    if not change.after:
        return "only in A"
    return f"{100 * (change.after - change.before) / change.before:+.1f} %"


def _some(title: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    more = len(items) - SHOWN_PAIRS
    shown = [f"  {printable(item)}" for item in items[:SHOWN_PAIRS]]
    return [f"{title}: {len(items)}", *shown, *([f"  and {more} more"] if more > 0 else [])]
