from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from pipeline.refinement import regions as regions_module
from pipeline.refinement.crossings import of_masks
from pipeline.refinement.regions import Regions, partition
from tests.examples import examples
from tests.refinement.drawings import drawings


def paint(regions: Regions, values: np.ndarray) -> np.ndarray:
    """Spread one value per region over the image."""
    lengths = np.diff(regions.start, append=regions.shape[0] * regions.shape[1])
    return np.repeat(values[regions.run], lengths).reshape(regions.shape)


def drawn_masks(regions: Regions) -> np.ndarray:
    """Return every distinct mask, put together from its regions."""
    region, mask = regions.members
    masks = np.zeros((regions.n_masks, *regions.shape), dtype=bool)
    for m in range(regions.n_masks):
        held = np.zeros(len(regions.area), dtype=np.uint16)
        held[region[mask == m]] = 1
        masks[m] = paint(regions, held)
    return masks


@settings(max_examples=examples(150), deadline=None)
@given(drawings())
def test_regions_lose_nothing(drawing: tuple[np.ndarray, np.ndarray]) -> None:
    coarse, masks = drawing
    regions = partition(coarse, of_masks(masks))
    painted = paint(regions, regions.ids[regions.object])
    np.testing.assert_array_equal(painted, coarse)
    drawn = drawn_masks(regions)
    for number, mask in zip(regions.mask_number, masks, strict=True):
        if mask.any():
            np.testing.assert_array_equal(drawn[number], mask)
        else:
            assert number == -1
    assert regions.area.sum() == coarse.size


@settings(max_examples=examples(150), deadline=None)
@given(drawings())
def test_regions_are_as_few_as_can_be(drawing: tuple[np.ndarray, np.ndarray]) -> None:
    coarse, masks = drawing
    signatures = np.concatenate([coarse[None], masks]).reshape(len(masks) + 1, -1).T
    regions = partition(coarse, of_masks(masks))
    assert len(regions.area) == len(np.unique(signatures, axis=0))
    assert len(set(regions.patch)) == len(np.unique(signatures[:, 1:], axis=0))
    assert regions.n_masks == len({mask.tobytes() for mask in masks if mask.any()})


@settings(max_examples=examples(100), deadline=None)
@given(drawings())
def test_the_order_of_masks_leaves_no_trace(drawing: tuple[np.ndarray, np.ndarray]) -> None:
    coarse, masks = drawing
    forward = partition(coarse, of_masks(masks))
    backward = partition(coarse, of_masks(masks[::-1]))
    np.testing.assert_array_equal(drawn_masks(forward), drawn_masks(backward))
    np.testing.assert_array_equal(forward.run, backward.run)
    np.testing.assert_array_equal(forward.mask_number, backward.mask_number[::-1])


def test_many_masks_fill_several_words() -> None:
    coarse = np.arange(200, dtype=np.uint16)[None].repeat(2, axis=0)
    masks = np.stack([coarse == i for i in range(200)])
    regions = partition(coarse, of_masks(masks))
    np.testing.assert_array_equal(drawn_masks(regions)[regions.mask_number], masks)


def test_hashes_that_collide_merge_nothing() -> None:
    rows = np.arange(40, dtype=np.uint64).reshape(20, 2) % 6
    group, first = regions_module._group(rows)
    np.testing.assert_array_equal(rows[first][group], rows)
    assert first.tolist() == sorted(first.tolist())
    zeros = np.zeros((5, 0), dtype=np.uint64)  # no mask at all: one patch
    assert regions_module._group(zeros)[0].tolist() == [0] * 5


def test_shares_of_a_patch() -> None:
    coarse = np.array([[1, 1, 2, 0], [1, 1, 0, 0]], dtype=np.uint16)
    left = np.array([[True, True, True, False]] * 2)
    regions = partition(coarse, of_masks(left[None]))
    at = {tuple(pair): r for r, pair in enumerate(zip(regions.object, regions.patch, strict=True))}
    inside, outside = regions.patch[0], regions.patch[at[0, 1]]
    region = np.array([at[1, inside], at[1, inside], at[1, inside], at[0, outside]])
    shares = regions.share_of_patch(region, np.array([1, 2, 0, 1]))
    np.testing.assert_allclose(shares, [4 / 6, 1 / 6, 1 / 6, 0])
    assert regions.in_empty_patch.tolist() == [p == outside for p in regions.patch]
