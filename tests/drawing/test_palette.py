import subprocess
import sys

import numpy as np
import pytest

from pipeline.drawing.palette import colour_of


def test_no_object_is_black_and_every_object_is_not():
    colours = colour_of(np.arange(1 << 16))
    assert colours.shape == (65536, 3)
    assert colours.dtype == np.uint8
    assert colours[0].tolist() == [0, 0, 0]
    assert colours[1:].max(axis=1).min() > 100


def test_shape_follows_the_ids():
    assert colour_of(np.zeros((4, 5), np.uint16)).shape == (4, 5, 3)
    assert colour_of(7).shape == (3,)


@pytest.mark.parametrize("first", [1, 100, 500, 60_000])
def test_any_few_dozen_ids_in_a_row_are_told_apart(first):
    colours = colour_of(np.arange(first, first + 40)).astype(int)
    distance = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert distance.min() > 15
    next_ids = np.diagonal(distance, offset=1)
    assert next_ids.min() > 60


def test_colours_are_the_same_in_another_process():
    code = (
        "from pipeline.drawing.palette import colour_of; print(colour_of([1, 77, 65535]).tolist())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert other.strip() == str(colour_of([1, 77, 65535]).tolist())


def test_the_shared_table_cannot_be_changed_by_accident():
    colour_of(3)[:] = 0
    assert colour_of(3).any()
