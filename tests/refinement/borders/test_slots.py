from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.refinement.borders.place import touches_border
from pipeline.refinement.borders.slots import share_slots


@settings(deadline=None)
@given(st.integers(3, 40), st.integers(1, 60), st.integers(0, 99))
def test_labels_of_one_slot_keep_their_distance(distance: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, x = rng.integers(0, 90, (2, n))
    seeds = np.ones((90, 120), dtype=bool)
    seeds[y, x] = False
    nearest = ndimage.distance_transform_edt(seeds, return_distances=False, return_indices=True)
    names = rng.permutation(60_000)[: 90 * 120].reshape(90, 120)
    ids = names[nearest[0], nearest[1]].astype(np.uint16)
    slots = share_slots(ids, touches_border(ids), distance)
    for slot in range(slots.n):
        labels = np.unique(ids[slots.slot == slot])
        for label in labels:
            others = (slots.slot == slot) & (ids != label)
            if others.any():
                away = ndimage.distance_transform_cdt(~others, "chessboard")
                assert away[ids == label].min() > distance


def test_says_which_label_of_a_slot_is_near() -> None:
    ids = np.zeros((60, 200), dtype=np.uint16)
    ids[20:40, 5:15], ids[20:40, 180:195] = 7, 9
    slots = share_slots(ids, touches_border(ids), 12)
    assert slots.n == 2  # 7 and 9 are far apart
    slot = slots.slot[30, 10]
    assert slot == slots.slot[30, 190]
    assert slots.label[slot, 30 // slots.block, 10 // slots.block] == 7
    assert slots.label[slot, 30 // slots.block, 190 // slots.block] == 9
    assert slots.label[slot, 30 // slots.block, 100 // slots.block] == -1
