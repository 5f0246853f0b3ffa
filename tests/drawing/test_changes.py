from __future__ import annotations

import numpy as np

from pipeline.drawing.changes import object_changes


def test_every_object_of_either_map_is_compared() -> None:
    before, after = np.zeros((10, 10), np.uint16), np.zeros((10, 10), np.uint16)
    before[:5], before[5:] = 3, 65535
    after[:4], after[8:] = 3, 9
    changes = {change.id: change for change in object_changes(before, after)}
    assert sorted(changes) == [3, 9, 65535]
    assert (changes[3].before, changes[3].after, changes[3].iou) == (50, 40, 0.8)
    assert (changes[9].before, changes[9].after, changes[9].iou) == (0, 20, 0.0)
    assert (changes[65535].before, changes[65535].after) == (50, 0)
    assert object_changes(np.zeros((2, 2), int), np.zeros((2, 2), int)) == ()
