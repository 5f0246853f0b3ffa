from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_masks

from pipeline.exchange.masks.runs import (
    BadRuns,
    column_counts,
    mask_of,
    parse_coco_text,
    row_counts,
)
from tests.scans import id_maps


@given(id_maps())
def test_column_counts_are_those_of_pycocotools(ids: np.ndarray) -> None:
    found = {number: counts.tolist() for number, counts in column_counts(ids)}
    assert set(found) == {*ids[ids > 0].tolist()}
    for number, counts in found.items():
        theirs = coco_masks.encode(np.asfortranarray(ids == number).view(np.uint8))
        [ours] = coco_masks.frPyObjects([{"counts": counts, "size": [*ids.shape]}], *ids.shape)
        assert ours == theirs


@given(id_maps())
def test_row_counts_come_back(ids: np.ndarray) -> None:
    mask = ids > 0
    assert np.array_equal(mask_of(row_counts(mask), mask.size).reshape(mask.shape), mask)


@given(st.lists(st.integers(0, 2**26), max_size=40))
def test_coco_text_reads_as_pycocotools_wrote_it(counts: list[int]) -> None:
    # Only the first run may be empty; a count below the one two before it is stored as negative.
    counts = [counts[0], *(count + 1 for count in counts[1:])] if counts else [5]
    [mask] = coco_masks.frPyObjects([{"counts": counts, "size": [1, sum(counts)]}], 1, sum(counts))
    assert parse_coco_text(mask["counts"].decode()).tolist() == counts


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\x7f" * 3, "stands for no number"),
        ("é", "not ASCII"),
        ("0P", "cut off"),
        ("PPPPPPPPP0", "many digits"),
    ],
)
def test_text_that_nobody_wrote_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadRuns, match=why):
        parse_coco_text(text)


@given(st.text(st.characters(min_codepoint=48, max_codepoint=111), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        mask = mask_of(parse_coco_text(text), 1000)
    except BadRuns:
        return
    assert mask.size == 1000


@pytest.mark.parametrize("counts", [[5, -1, 6], [11], [1] * 12, [2**62, 2**62], []])
def test_counts_that_make_no_mask_are_refused(counts: list[int]) -> None:
    with pytest.raises(BadRuns):
        mask_of(np.array(counts, np.int64), 10)
