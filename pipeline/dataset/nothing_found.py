"""The error for a data set that holds nothing to refine, with a guess at its real layout."""

from __future__ import annotations

from pathlib import Path

from pipeline.config import DataConfig
from pipeline.dataset.discover import Inventory, discover
from pipeline.dataset.guess import guess_layout
from pipeline.dataset.input_patterns import is_wanted, kinds_of, settle
from pipeline.dataset.walk import Kind, find_scenes, names_along
from pipeline.errors import DatasetError
from pipeline.text import printable

NAMES_TO_SHOW = 2
PROBLEMS_TO_SHOW = 3


def discover_some(root: Path, data: DataConfig) -> Inventory:
    """Return the inventory of a data set; raise an error if it has no frames.

    Raises
    ------
    DatasetError
        There are no frames; the error shows the patterns searched for, the files found there, and
        a layout that would find frames.
    ConfigError
        The patterns of images and ids do not fit together.
    """
    try:
        inventory = discover(root, data)
    except DatasetError as error:
        guess = guess_layout(root, data) if root.is_dir() else None
        raise DatasetError(f"{error}\n{guess}" if guess else str(error)) from None
    if inventory.frames:
        return inventory
    lines = [f"{root}: found nothing to refine; expected images with ids of the same names"]
    for what, kind in zip(("images", "ids"), kinds_of(settle(root, data)), strict=True):
        lines.append(f"  {what} looked for: {_describe(kind)}")
        lines.append(f"  {what} found there: {_examples(root, kind, data) or 'no file'}")
    lines += [f"  {problem}" for problem in inventory.problems[:PROBLEMS_TO_SHOW]]
    if len(inventory.problems) > PROBLEMS_TO_SHOW:
        lines.append(f"  and {len(inventory.problems) - PROBLEMS_TO_SHOW} more")
    guess = guess_layout(root, data)
    lines.append(
        str(guess) if guess else "data.layout, or data.images and data.ids, tell of other places"
    )
    raise DatasetError("\n".join(lines))


def _describe(kind: Kind) -> str:
    if kind.pattern.suffix:
        return kind.pattern.text
    return f"{kind.pattern.text}, ending in {', '.join(kind.suffixes)}"


def _examples(root: Path, kind: Kind, data: DataConfig) -> str:
    found: list[str] = []
    for scene in sorted(find_scenes(root, kind.pattern)):
        if is_wanted(scene, data.scenes):
            found += names_along(root, kind.pattern, scene, NAMES_TO_SHOW - len(found))
        if len(found) == NAMES_TO_SHOW:
            break
    return ", ".join(map(printable, found))
