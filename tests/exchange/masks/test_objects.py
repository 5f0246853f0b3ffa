from __future__ import annotations

import numpy as np
from hypothesis import given

from pipeline.exchange.masks.objects import cut_out, present_ids
from tests.scans import id_maps


@given(id_maps())
def test_cut_outs_put_together_are_the_map(ids: np.ndarray) -> None:
    again = np.zeros_like(ids)
    for found in cut_out(ids):
        height, width = found.mask.shape
        box = again[found.top : found.top + height, found.left : found.left + width]
        assert not box[found.mask].any()
        box[found.mask] = found.id
        assert found.area == np.count_nonzero(ids == found.id)
        for edge in (found.mask[0], found.mask[-1], found.mask[:, 0], found.mask[:, -1]):
            assert edge.any(), "the box is the smallest"
    assert np.array_equal(again, ids)
    assert present_ids(ids).tolist() == sorted({*ids[ids > 0].tolist()})


def test_a_map_without_objects_has_none() -> None:
    assert list(cut_out(np.zeros((3, 4), np.int32))) == []
