from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.refinement import refine_masks

IDS = np.array([[0, 1, 1], [2, 2, 65535]])
MASKS = np.stack([IDS == 1, IDS == 2])


@pytest.mark.parametrize(
    "ids",
    [
        IDS,
        IDS.astype(np.int32),
        IDS.astype(np.uint16),
        IDS.astype(np.uint64),
        np.asfortranarray(IDS),
        IDS.tolist(),
        torch.from_numpy(IDS),
        torch.from_numpy(IDS.astype(np.uint16)),
    ],
    ids=["int64", "int32", "uint16", "uint64", "fortran", "list", "torch int64", "torch uint16"],
)
def test_ids_of_any_integer_kind(ids: object) -> None:
    refined = refine_masks(ids, MASKS)
    assert refined.ids.dtype == np.uint16
    np.testing.assert_array_equal(refined.ids, IDS)


@pytest.mark.parametrize(
    "masks",
    [
        MASKS,
        MASKS.astype(np.uint8) * 255,
        np.asfortranarray(MASKS),
        list(MASKS),
        torch.from_numpy(MASKS),
    ],
    ids=["bool", "uint8", "fortran", "list", "torch"],
)
def test_masks_of_any_kind(masks: object) -> None:
    shifted = np.roll(IDS, 1, axis=1)
    expected = refine_masks(shifted, MASKS)
    refined = refine_masks(shifted, masks)
    np.testing.assert_array_equal(refined.ids, expected.ids)
    assert refined.objects == expected.objects
    assert refined.stats["n_proposals"] == 2


@pytest.mark.parametrize("masks", [[], np.zeros((0, 2, 3)), torch.zeros((0, 5, 5))])
def test_no_masks_at_all(masks: object) -> None:
    np.testing.assert_array_equal(refine_masks(IDS, masks).ids, IDS)


@pytest.mark.parametrize(
    ("ids", "complaint"),
    [
        (IDS[0], r"int64 \(3,\); expected integers \(H, W\)"),
        (IDS[None], r"\(1, 2, 3\); expected integers"),
        (IDS.astype(float), "found float64"),
        (IDS > 0, "found bool"),
        (IDS - 1, "from -1 to 65534; expected 0"),
        (IDS + 1, "from 1 to 65536"),
        (IDS[:0], "at least one pixel"),
    ],
)
def test_ids_that_cannot_be(ids: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        refine_masks(ids, MASKS)


@pytest.mark.parametrize(
    ("masks", "complaint"),
    [
        (MASKS[0], r"found shape \(2, 3\); expected \(M, 2, 3\)"),
        (MASKS[:, :1], r"found shape \(2, 1, 3\)"),
        (MASKS.astype(float), "found float64; expected bool"),
    ],
)
def test_masks_that_cannot_be(masks: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        refine_masks(IDS, masks)


def test_the_input_stays_as_it_is() -> None:
    ids, masks = IDS.astype(np.uint16), MASKS.copy()
    refine_masks(ids, np.roll(masks, 1, axis=1), {"refinement": {"unclaimed": "coarse"}})
    np.testing.assert_array_equal(ids, IDS)
    np.testing.assert_array_equal(masks, MASKS)
