from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DatasetError
from pipeline.exchange.numbering import as_csv, number_scene, read_table, table_rows


@given(st.sets(st.integers(1, 65_535), max_size=30), st.integers(30, 300))
def test_numbers_fit_and_lead_back(ids: set[int], largest: int) -> None:
    table = number_scene("a", ids, largest, "davis")
    if table is None:
        assert max(ids, default=0) <= largest
        return
    numbers = table[sorted(ids)]
    assert numbers.tolist() == [*range(1, len(ids) + 1)]
    assert table[0] == 0
    text = b"".join(as_csv(table_rows('a "b", c\n', table))).decode()
    assert read_table(text) == {'a "b", c\n': dict(zip(numbers.tolist(), sorted(ids), strict=True))}


def test_too_many_objects_are_refused_with_a_way_out() -> None:
    with pytest.raises(DatasetError, match=r"a: found 256 objects.*at most 255.*coco-rle"):
        number_scene("a", np.arange(2, 258).tolist(), 255, "davis")
