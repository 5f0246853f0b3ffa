"""Numbers for large ids do not depend on the order of ids, and never change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import load_config
from pipeline.dataset import Layout
from pipeline.dataset.numbers import (
    Numbers,
    TooManyIds,
    as_text,
    ids_in,
    number_ids,
    read_numbers,
)
from pipeline.errors import StorageError
from pipeline.ids import LARGEST_ID

ids = st.integers(1, 9) | st.integers(65_530, 65_545) | st.integers(1, 2**64 - 1)


@given(st.lists(st.lists(ids, max_size=8), max_size=4), st.randoms(use_true_random=False))
def test_numbers_are_stable_and_do_not_depend_on_the_order(rounds, random) -> None:
    numbers, shuffled = Numbers(), Numbers()
    for batch in rounds:
        before = numbers
        numbers = numbers.extended(batch)
        shuffled = shuffled.extended(random.sample(batch, len(batch)))
        assert before.of.items() <= numbers.of.items()
        assert list(before.of) == list(numbers.of)[: len(before.of)]
        assert numbers.mark == (before.mark or numbers.mark)
    assert numbers.of == shuffled.of
    assert list(numbers.of) == list(shuffled.of)
    assert numbers.mark == shuffled.mark
    assert numbers.of.keys() == {each for batch in rounds for each in batch}
    assert len({*numbers.of.values()}) == len(numbers.of)
    assert all(1 <= number <= LARGEST_ID for number in numbers.of.values())
    first = next((batch for batch in rounds if batch), [])
    assert all(numbers.of[each] == each for each in first if each <= LARGEST_ID)


def test_numbers_are_above_all_others_as_long_as_there_are_such() -> None:
    assert Numbers().extended([5, 90_000, 80_000, 9]).of == {5: 5, 9: 9, 80_000: 10, 90_000: 11}
    assert Numbers().extended([65_535, 3, 2**40, 70_000]).of == {
        3: 3,
        65_535: 65_535,
        70_000: 1,
        2**40: 2,
    }


def test_an_id_whose_number_is_taken_gets_a_free_one() -> None:
    first = Numbers().extended([1, 70_000])
    assert first.of == {1: 1, 70_000: 2}
    assert first.extended([2, 3]).of == {1: 1, 70_000: 2, 3: 3, 2: 4}


def test_every_number_can_be_given_and_no_more() -> None:
    full = Numbers().extended(range(10**6, 10**6 + LARGEST_ID))
    assert {*full.of.values()} == {*range(1, LARGEST_ID + 1)}
    assert full.extended([10**6]) is full
    with pytest.raises(TooManyIds, match="65536"):
        full.extended([7])


@given(
    st.lists(
        st.lists(st.sampled_from([0, 3, 2**33, 2**64 - 9]), min_size=3, max_size=3), min_size=1
    )
)
def test_maps_are_numbered_pixel_by_pixel(rows) -> None:
    array = np.array(rows, np.uint64)
    numbers = Numbers().extended(ids_in(array)).of
    expected = [[numbers[each] if each else 0 for each in row] for row in rows]
    np.testing.assert_array_equal(number_ids(array, numbers), expected)
    assert ids_in(array) == sorted({*array.ravel().tolist()} - {0})


def test_an_id_without_a_number_is_an_error() -> None:
    with pytest.raises(KeyError):
        number_ids(np.array([[7]]), {8: 8})


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    config = load_config()
    return Layout(tmp_path, config.data, config.output)


def write(layout: Layout, text: str) -> None:
    path = layout.record.numbers("s")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_table_survives_its_file(layout: Layout) -> None:
    assert read_numbers(layout, "s").of == {}
    numbers = Numbers().extended([2**40, 7]).extended([3])
    write(layout, as_text(numbers))
    again = read_numbers(layout, "s")
    assert list(again.of.items()) == [(7, 7), (2**40, 8), (3, 3)]
    assert again.mark == numbers.mark


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id,number\n7,7\n",
        "# 0123456789abcdef\n7,7\n",
        "# 0123456789abcdef\nid,number\n7,7\n7,8\n",
        "# 0123456789abcdef\nid,number\n7,7\n8,7\n",
        "# 0123456789abcdef\nid,number\n7,65536\n",
        "# 0123456789abcdef\nid,number\n-7,6\n",
        "# 0123456789abcdef\nid,number\nseven,6\n",
        "# \nid,number\n7,7\n",
        "# 0123456789abcdef\nid,number\n" + "7,7\n" * 2**20,
    ],
)
def test_what_is_no_table_is_refused(layout: Layout, text: str) -> None:
    write(layout, text)
    with pytest.raises(StorageError, match=r"numbers/s\.csv: found .* made anew"):
        read_numbers(layout, "s")
