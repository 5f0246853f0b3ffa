"""Clicks: an area around each changes hands, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage

from pipeline.config import load_config
from pipeline.reviewing.clicks import Clicker, clicked_pixels
from pipeline.sam.clicks import Clicks

KEY = ("room", "a")
SHAPE = (96, 128)
TABLE = 3


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    # On a busy machine a small model is slower with two threads.
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def clicker() -> Iterator[Clicker]:
    return Clicker(load_config({"model": {"name": "demo", "device": "cpu"}}))


@pytest.fixture(scope="module")
def image() -> npt.NDArray[np.uint8]:
    """A red table with two legs, and a blue box far away, on a grey floor."""
    pixels = np.full((*SHAPE, 3), (120, 125, 120), np.uint8)
    pixels[30:40, 20:70] = pixels[40:70, 24:32] = pixels[40:70, 58:66] = (170, 50, 40)
    pixels[60:80, 95:120] = (40, 50, 160)
    return pixels + np.random.default_rng(0).integers(0, 8, pixels.shape, np.uint8)


@pytest.fixture(scope="module")
def truth(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    return np.asarray(image[..., 0] > 150)


@pytest.fixture
def ids(truth: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    """The table without its right leg, and with a piece of the floor."""
    wrong = truth.copy()
    wrong[40:, 50:] = False
    wrong[80:92, 10:30] = True
    wrong[68:80, 25:30] = True
    return np.where(wrong, TABLE, 9).astype(np.uint16)


def at(row: int, column: int) -> tuple[float, float]:
    return (column + 0.5) / SHAPE[1], (row + 0.5) / SHAPE[0]


LEG, FLOOR = at(55, 62), at(86, 20)


def test_clicks_repair_an_object(
    clicker: Clicker,
    image: npt.NDArray[np.uint8],
    ids: npt.NDArray[np.uint16],
    truth: npt.NDArray[np.bool_],
) -> None:
    first, rating = clicker.ask(KEY, image, Clicks((LEG,), (True,)), ids, TABLE)
    assert 0 < rating <= 1
    assert (first[:68] == truth[:68]).mean() > 0.99
    assert np.array_equal(first[75:], (ids == TABLE)[75:])
    second, _ = clicker.ask(KEY, image, Clicks((LEG, FLOOR), (True, False)), ids, TABLE)
    assert (second == truth).mean() > 0.99


def test_the_pixels_of_a_flip_are_connected_with_its_click(
    clicker: Clicker, image: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint16]
) -> None:
    for point, inside in ((LEG, True), (FLOOR, False), (at(70, 107), True), (at(35, 40), False)):
        clicks = Clicks((point,), (inside,))
        mask, _ = clicker.ask(KEY, image, clicks, ids, TABLE)
        changed = mask != (ids == TABLE)
        parts, n_parts = ndimage.label(changed)
        [place] = clicked_pixels(clicks, SHAPE)
        assert n_parts == 1
        assert parts[place] == 1
        assert mask[place] == inside


def test_one_click_after_the_other_is_all_clicks_at_once(
    image: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint16]
) -> None:
    config = load_config({"model": {"name": "demo", "device": "cpu"}})
    points, inside = (LEG, at(45, 62), LEG), (True, False, True)
    step_by_step = Clicker(config)
    for count in 1, 2, 3:
        some = Clicks(points[:count], inside[:count])
        answer = step_by_step.ask(KEY, image, some, ids, TABLE)
    at_once = Clicker(config).ask(KEY, image, Clicks(points, inside), ids, TABLE)
    assert np.array_equal(answer[0], at_once[0])
    assert answer[1] == at_once[1]
    for place, is_inside in zip(clicked_pixels(some, SHAPE), inside, strict=True):
        assert answer[0][place] == is_inside


def test_clicks_begin_with_the_object_as_it_is_drawn(
    clicker: Clicker, image: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint16]
) -> None:
    click = Clicks((LEG,), (True,))
    before, _ = clicker.ask(KEY, image, click, ids, TABLE)
    changed = ids.copy()
    changed[:20, :20] = TABLE
    after, _ = clicker.ask(KEY, image, click, changed, TABLE)
    assert after[:20, :20].all()
    assert not before[:20, :20].any()


def test_a_box_asks_for_the_whole_object(
    clicker: Clicker, image: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint16]
) -> None:
    x0, y0, x1, y1 = 94 / 128, 59 / 96, 121 / 128, 81 / 96
    mask, rating = clicker.ask(KEY, image, Clicks(box=(x0, y0, x1, y1)), ids, None)
    box = image[..., 2] > 150
    assert (mask & box).sum() / (mask | box).sum() > 0.7
    assert 0 <= rating <= 1


def test_a_click_on_what_is_right_asks_for_the_whole_object(
    clicker: Clicker, image: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint16]
) -> None:
    again, _ = clicker.ask(KEY, image, Clicks((at(35, 40),), (True,)), ids, TABLE)
    assert again[35, 40]
    assert not np.array_equal(again, ids == TABLE)
    # A later click of this kind changes nothing.
    clicks = Clicks((LEG, at(35, 40)), (True, True))
    both, _ = clicker.ask(KEY, image, clicks, ids, TABLE)
    leg, _ = clicker.ask(KEY, image, Clicks((LEG,), (True,)), ids, TABLE)
    assert np.array_equal(both, leg)
