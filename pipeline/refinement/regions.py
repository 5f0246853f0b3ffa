"""Regions: pixels with the same coarse id that lie inside the same masks.

Two million pixels and hundreds of masks reduce to a few thousand regions without loss. Overlaps,
unions and the refined map are then sums and choices over regions.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Bools, Floats, Ids, Ints
from pipeline.refinement.crossings import Crossings


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Pixels with the same coarse object and inside the same masks, taken together.

    Objects are numbered 1..G as they first appear in raster order; 0 is no object. Masks that hold
    the same pixels are one. Regions and masks are numbered by the pixels they hold, not by the
    order of the masks, so that ties, which the lower number wins, do not depend on that order.
    """

    shape: tuple[int, int]
    start: Ints
    """(R,) raster index of the first pixel of each run."""
    run: Ints
    """(R,) region of each run."""
    area: Ints
    """(K,) pixels of each region."""
    object: Ints
    """(K,) number of each region's coarse object."""
    patch: Ints
    """(K,) regions of one patch lie inside the same masks and differ in their object."""
    ids: Ints
    """(G + 1,) coarse id of each object number; `ids[0]` is 0."""
    members: tuple[Ints, Ints]
    """(E,) and (E,): region and mask of every pair of a region and a mask that holds it."""
    mask_number: Ints
    """(N,) number of each proposed mask; -1 for one that holds no pixel."""

    @property
    def n_masks(self) -> int:
        """Return the number of distinct masks that hold a pixel."""
        return int(self.mask_number.max(initial=-1)) + 1

    def share_of_patch(self, region: Ints, object_number: Ints) -> Floats:
        """Return the share of each region's patch that an object has in the coarse map, in [0, 1].

        Parameters
        ----------
        region, object_number
            (P,) each: the pairs to look up; object 0 asks for the share without object.
        """
        cell = self.patch * len(self.ids) + self.object
        order = np.argsort(cell)
        wanted = self.patch[region] * len(self.ids) + object_number
        found = order[np.searchsorted(cell, wanted, sorter=order).clip(max=len(cell) - 1)]
        area = np.where(cell[found] == wanted, self.area[found], 0)
        return area / np.bincount(self.patch, self.area)[self.patch[region]]

    @property
    def in_empty_patch(self) -> Bools:
        """Return whether at least half of a region's patch has no coarse object, (K,)."""
        everywhere = np.arange(len(self.area))
        return self.share_of_patch(everywhere, np.zeros_like(everywhere)) >= 0.5


def partition(coarse_ids: Ids, crossings: Crossings) -> Regions:
    """Cut the image into regions and return them.

    Parameters
    ----------
    coarse_ids
        (H, W) uint16, at least one pixel.
    crossings
        Where the masks begin and end.
    """
    flat = coarse_ids.reshape(-1)
    start = _run_starts(flat, crossings)
    masks_of_run = _masks_of_runs(start, flat.size, crossings)
    ids, object_of_run = _number_by_appearance(flat[start])
    run, first = _group(np.column_stack([masks_of_run, object_of_run.astype(np.uint64)]))
    patch, _ = _group(masks_of_run[first])

    bits = np.unpackbits(masks_of_run[first].view(np.uint8), axis=1, bitorder="little")
    region, mask = np.nonzero(bits)
    members, mask_number = _number_masks(region, mask, crossings.n_masks)
    lengths = np.diff(start, append=flat.size)
    return Regions(
        shape=(coarse_ids.shape[0], coarse_ids.shape[1]),
        start=start,
        run=run,
        area=np.bincount(run, weights=lengths).astype(np.int64),
        object=object_of_run[first],
        patch=patch,
        ids=ids,
        members=members,
        mask_number=mask_number,
    )


def _run_starts(flat: Ids, crossings: Crossings) -> Ints:
    """Return the raster indices at which the coarse id or any mask changes."""
    begins = np.empty(flat.size + 1, dtype=np.bool_)
    begins[0] = True
    np.not_equal(flat[1:], flat[:-1], out=begins[1:-1])
    begins[crossings.position] = True
    return np.flatnonzero(begins[:-1])


def _masks_of_runs(start: Ints, n_pixels: int, crossings: Crossings) -> npt.NDArray[np.uint64]:
    """Return which masks hold each run: one bit per mask, 64 to a word."""
    run_at = np.full(n_pixels + 1, len(start), dtype=np.int32)
    run_at[start] = np.arange(len(start), dtype=np.int32)
    n_words = -(-crossings.n_masks // 64)
    words = np.zeros((len(start) + 1, n_words), dtype=np.uint64)
    word, bit = np.divmod(crossings.mask, 64)
    turned = np.uint64(1) << bit.astype(np.uint64)
    np.bitwise_xor.at(words, (run_at[crossings.position], word), turned)
    return np.bitwise_xor.accumulate(words[:-1], axis=0)


def _number_by_appearance(ids: Ids) -> tuple[Ints, Ints]:
    """Give ids numbers from 1 as they appear, and 0 to 0; return ids by number, and numbers."""
    first = np.full(N_IDS, -1)
    first[ids[::-1]] = np.arange(len(ids))[::-1]
    first[0] = -1
    found = np.flatnonzero(first >= 0)
    found = found[np.argsort(first[found])]
    number = np.zeros(N_IDS, dtype=np.int64)
    number[found] = np.arange(1, len(found) + 1)
    return np.concatenate([[0], found]), number[ids]


def _group(rows: npt.NDArray[np.uint64]) -> tuple[Ints, Ints]:
    """Group equal rows; return each row's group and each group's first row, by first rows."""
    # Sorting by a hash brings equal rows together, and comparing the rows separates the groups. A
    # collision of two hashes may split a group, but never joins two groups.
    hashed = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T:
        hashed = (hashed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(32)
    order = np.argsort(hashed)
    ordered = rows[order]
    opens = np.ones(len(rows), dtype=np.bool_)
    opens[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    first = np.minimum.reduceat(order, np.flatnonzero(opens))
    by_first = np.argsort(first)
    rank = np.empty_like(by_first)
    rank[by_first] = np.arange(len(by_first))
    group = np.empty_like(order)
    group[order] = rank[np.cumsum(opens) - 1]
    return group, first[by_first]


def _number_masks(region: Ints, mask: Ints, n_masks: int) -> tuple[tuple[Ints, Ints], Ints]:
    """Give masks numbers by the regions that they hold; return the new pairs, and the numbers."""
    by_mask = np.argsort(mask, kind="stable")
    ends = np.cumsum(np.bincount(mask, minlength=n_masks))
    held = [region[by_mask[a:b]] for a, b in pairwise([0, *ends])]
    keys = [regions.astype(">i8").tobytes() for regions in held]  # bytes sort as the lists do
    distinct = {key: number for number, key in enumerate(sorted(set(keys) - {b""}))}
    mask_number = np.array([distinct.get(key, -1) for key in keys], dtype=np.int64)
    one_each = {key: regions for key, regions in zip(keys, held, strict=True) if key}
    regions = [one_each[key] for key in distinct]
    return (
        np.concatenate([np.zeros(0, np.int64), *regions]),
        np.repeat(np.arange(len(regions)), [len(held) for held in regions]),
    ), mask_number
