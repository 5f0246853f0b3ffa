from __future__ import annotations

import numpy as np

from pipeline.refinement import refine_masks
from pipeline.refinement.unclaimed import fill_unclaimed

REFINED = np.array([[4, 0, 0, 0, 7]], dtype=np.uint16)
COARSE = np.array([[4, 4, 0, 7, 7]], dtype=np.uint16)


def test_zero_coarse_and_nearest() -> None:
    assert fill_unclaimed(REFINED, COARSE, "zero").tolist() == [[4, 0, 0, 0, 7]]
    assert fill_unclaimed(REFINED, COARSE, "coarse").tolist() == [[4, 4, 0, 7, 7]]
    nearest = fill_unclaimed(REFINED, COARSE, "nearest")
    assert nearest.dtype == np.uint16
    assert nearest[0, [0, 1, 3, 4]].tolist() == [4, 4, 7, 7]
    assert nearest[0, 2] in (4, 7)


def test_nearest_of_nothing_is_nothing() -> None:
    nothing = np.zeros((2, 3), dtype=np.uint16)
    assert not fill_unclaimed(nothing, COARSE, "nearest").any()


def test_the_setting_is_heard() -> None:
    coarse = np.zeros((12, 12), dtype=np.uint16)
    coarse[2:8, 2:8] = 3
    mask = np.zeros((1, 12, 12), dtype=bool)
    mask[0, 2:8, 2:7] = True
    by_setting = {
        name: refine_masks(coarse, mask, {"refinement": {"unclaimed": name}})
        for name in ("zero", "coarse", "nearest")
    }
    np.testing.assert_array_equal(by_setting["zero"].ids == 3, mask[0])
    np.testing.assert_array_equal(by_setting["coarse"].ids, coarse)
    assert (by_setting["nearest"].ids == 3).all()
    assert by_setting["nearest"].stats["invalid_ratio"] == 0.0
    assert by_setting["nearest"].objects[0].area == 144
