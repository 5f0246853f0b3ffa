"""SAM's answers: features are kept for what was clicked last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import load_config
from pipeline.reviewing.answers import KEPT_FRAMES, STEPS, Answers, Recent, square_around

IMAGE = np.full((48, 64, 3), 200, np.uint8)
IMAGE[10:30, 10:40] = (180, 40, 40)
shares = st.floats(0, 1)
sides = st.integers(1, 3000)


@pytest.fixture
def answers() -> Answers:
    return Answers(load_config({"model": {"name": "demo", "device": "cpu"}}))


def test_a_frame_is_encoded_once_while_it_is_among_the_last(answers: Answers) -> None:
    reads: list[str] = []

    def read(name: str) -> npt.NDArray[np.uint8]:
        reads.append(name)
        return IMAGE

    for name in ("a", "a", *map(str, range(KEPT_FRAMES - 1)), "a", "x", "y"):
        answers.prepare(("room", name), lambda name=name: read(name))
    assert reads == ["a", "0", "1", "2", "x", "y"]
    answers.prepare(("room", "0"), lambda: read("0"))
    assert reads[-1] == "0"


@given(shares, shares, st.floats(0.01, 1), st.tuples(sides, sides))
def test_squares_lie_in_the_image_around_the_click(
    x: float, y: float, share: float, shape: tuple[int, int]
) -> None:
    side = max(STEPS, round(share * max(shape)))
    for part, centre, length in zip(square_around(x, y, share, shape), (y, x), shape, strict=True):
        assert 0 <= part.start < part.stop <= length
        assert part.stop - part.start == min(side, length)
        assert part.start <= centre * length <= part.stop


def test_answers_to_a_place_are_in_pixels_of_the_ids(answers: Answers) -> None:
    shape = (96, 128)
    areas = list(answers.of_place(("room", "a"), IMAGE, 0.99, 0.99, shape))
    for area in areas:
        rows, columns = area.box
        assert 0 <= rows.start < rows.stop <= shape[0]
        assert 0 <= columns.start < columns.stop <= shape[1]
    assert {area.mask.shape for area in areas[:4]} == {shape}
    assert len({area.mask.shape for area in areas}) == 3


def test_values_are_kept_by_their_last_use() -> None:
    recent: Recent[str] = Recent(2)
    made: list[str] = []

    def ask(key: str) -> str:
        return recent.get(key, lambda: made.append(key) or key)

    assert [ask(key) for key in "abacab"] == [*"abacab"]
    assert made == [*"abcb"]
