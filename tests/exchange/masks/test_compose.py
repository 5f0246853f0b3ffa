from __future__ import annotations

import numpy as np
import pytest

from pipeline.exchange.masks.compose import (
    MAX_MASKS,
    BadLabel,
    Mask,
    check_id,
    check_size,
    compose,
)

ONE = np.ones((2, 2), bool)


def test_later_masks_are_on_top_and_unnamed_ones_negative() -> None:
    masks = [Mask(7, 0, 0, ONE), Mask(None, 1, 1, ONE), Mask(None, 0, 2, ONE)]
    assert compose(masks, 3, 4).tolist() == [[7, 7, -2, -2], [7, -1, -2, -2], [0, -1, -1, 0]]


@pytest.mark.parametrize(("top", "left"), [(-1, 0), (0, -1), (2, 0), (0, 3)])
def test_masks_stay_inside(top: int, left: int) -> None:
    with pytest.raises(BadLabel, match="beyond its image"):
        compose([Mask(1, top, left, ONE)], 3, 4)


def test_masks_are_counted() -> None:
    with pytest.raises(BadLabel, match="more than"):
        compose((Mask(1, 0, 0, ONE) for _ in range(MAX_MASKS + 1)), 3, 4)


@pytest.mark.parametrize(
    ("value", "number"),
    [(5, 5), ("5", 5), (" 5 ", 5), (5.0, 5), (0, None), ("0", None), ("", None), (None, None)],
)
def test_ids_in_the_forms_that_tools_write(value: object, number: int | None) -> None:
    assert check_id(value) == number


@pytest.mark.parametrize("value", [-1, 1.5, True, "x", "-1", 65_536, "9" * 5000, [], float("nan")])
def test_ids_that_are_none(value: object) -> None:
    with pytest.raises(BadLabel):
        check_id(value)


@pytest.mark.parametrize("size", [(0, 1), (1, -1), (1.0, 1), ("1", 1), (2**14, 2**14), (None, 1)])
def test_sizes_that_are_none(size: tuple[object, object]) -> None:
    with pytest.raises(BadLabel):
        check_size(*size)
