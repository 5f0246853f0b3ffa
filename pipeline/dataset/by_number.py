"""Pairing images and ids whose names share nothing but the number of their frame.

`rgb_0.png` and `semantic_instance_0.png`, `frame-000007.color.jpg` and `7.npy`. Names are made by
programs: of one kind they differ in one number. Where they do not, or the numbers of the two kinds
do not cover one another, nothing is paired: a shift by one frame would spoil every result.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.dataset.walk import Found

_NUMBERS = re.compile(r"([0-9]+)")


def pair_by_number(images: Sequence[Found], ids: Sequence[Found]) -> list[tuple[Found, Found]]:
    """Pair files of one number, in the order of the images; empty where that is ambiguous."""
    of_images, of_ids = _by_number(images), _by_number(ids)
    one_covers_other = of_images.keys() <= of_ids.keys() or of_ids.keys() <= of_images.keys()
    if not one_covers_other:
        return []
    return [(image, of_ids[number]) for number, image in of_images.items() if number in of_ids]


def _by_number(files: Sequence[Found]) -> dict[tuple[str, int], Found]:
    """Return files by the values of other placeholders and the number in which names differ.

    Empty where names differ in anything else, or two have one number.
    """
    split = [file.stem.rpartition("/") for file in files]
    runs = [_NUMBERS.split(name) for _, _, name in split]
    if not runs or len({(len(run), *run[::2]) for run in runs}) > 1:
        return {}
    columns = list(zip(*(map(int, run[1::2]) for run in runs), strict=True))
    varying = [k for k, column in enumerate(columns) if len({*column}) > 1]
    if len(columns) == 1:
        varying = [0]
    if len(varying) != 1:
        return {}
    numbers = columns[varying[0]]
    found = {
        (group, number): file
        for (group, _, _), number, file in zip(split, numbers, files, strict=True)
    }
    return found if len(found) == len(files) else {}
