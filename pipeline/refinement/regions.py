"""The image cut into regions in which nothing changes: neither the coarse id nor any mask.

Two million pixels and hundreds of masks come down to some thousand regions, exactly. Overlaps,
unions and the refined map are sums and choices over regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.refinement.crossings import Crossings

Ints = npt.NDArray[np.int64]

_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, bits well spread: 2^64 over the golden ratio


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Pixels with the same coarse object and inside the same masks, taken together.

    Objects are numbered 1..G as they first appear in raster order, 0 is no object. Masks that hold
    the same pixels are one; those left are in an order that depends on nothing but their pixels,
    and so are the regions. Ties broken by number are therefore broken by the image alone.
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
    inside: npt.NDArray[np.bool_]
    """(K, M) whether a region lies inside a mask."""
    ids: Ints
    """(G + 1,) coarse id of each object number; `ids[0]` is 0."""

    def paint(self, values: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
        """Spread one value per region over the image, (H, W)."""
        height, width = self.shape
        lengths = np.diff(self.start, append=height * width)
        return np.repeat(values[self.run], lengths).reshape(height, width)


def partition(coarse_ids: npt.NDArray[np.uint16], crossings: Crossings) -> Regions:
    """Cut the image into regions.

    Parameters
    ----------
    coarse_ids
        (H, W) uint16, at least one pixel.
    crossings
        Where the masks begin and end.
    """
    flat = np.ascontiguousarray(coarse_ids).reshape(-1)
    starts_run = np.empty(flat.size + 1, dtype=np.bool_)
    starts_run[0] = starts_run[-1] = True
    np.not_equal(flat[1:], flat[:-1], out=starts_run[1:-1])
    starts_run[crossings.position] = True
    start = np.flatnonzero(starts_run)

    # Which masks hold each run, 64 to a word: crossings turn bits over from run to run.
    n_words = -(-max(crossings.n_masks, 1) // 64)
    words = np.zeros((len(start), n_words), dtype=np.uint64)
    run_at = np.empty(flat.size + 1, dtype=np.int32)
    run_at[start] = np.arange(len(start), dtype=np.int32)
    word, bit = np.divmod(crossings.mask, 64)
    np.bitwise_xor.at(
        words, (run_at[crossings.position], word), np.uint64(1) << bit.astype(np.uint64)
    )
    words = np.bitwise_xor.accumulate(words, axis=0)[:-1]
    start = start[:-1]

    ids, number = _number_objects(flat[start])
    run, first = _group(np.column_stack([number.astype(np.uint64), words]))
    lengths = np.diff(start, append=flat.size)
    inside = np.unpackbits(words[first].view(np.uint8), axis=1, bitorder="little")
    return Regions(
        shape=(coarse_ids.shape[0], coarse_ids.shape[1]),
        start=start,
        run=run,
        area=np.bincount(run, weights=lengths, minlength=len(first)).astype(np.int64),
        object=number[first],
        inside=_distinct(inside[:, : crossings.n_masks].view(np.bool_)),
        ids=ids,
    )


def _number_objects(ids: npt.NDArray[np.uint16]) -> tuple[Ints, Ints]:
    """Number ids by first appearance, 0 first; return the ids and each entry's number."""
    found, first, number = np.unique(ids, return_index=True, return_inverse=True)
    order = np.argsort(np.where(found == 0, -1, first))
    rank = np.empty(len(found), dtype=np.int64)
    rank[order] = np.arange(len(found))
    ids, number = found[order].astype(np.int64), rank[number]
    return (ids, number) if ids[0] == 0 else (np.insert(ids, 0, 0), number + 1)


def _group(keys: npt.NDArray[np.uint64]) -> tuple[Ints, Ints]:
    """Group equal rows; return each row's group and each group's first row, in order of these."""
    # Sorting by a hash brings equal rows together; comparing the rows themselves keeps it exact. A
    # collision could at worst leave one group in two, which changes no sum.
    powers = np.multiply.accumulate(np.full(keys.shape[1], _MIX))
    hashed = keys @ powers
    order = np.argsort(hashed ^ (hashed >> np.uint64(29)), kind="stable")
    ordered = keys[order]
    new = np.ones(len(keys), dtype=np.bool_)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    first = order[new]
    by_first = np.argsort(first)
    rank = np.empty_like(by_first)
    rank[by_first] = np.arange(len(first))
    group = np.empty(len(keys), dtype=np.int64)
    group[order] = rank[np.cumsum(new) - 1]
    return group, first[by_first]


def _distinct(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Drop empty masks and all but one of equal ones, and put the rest into an order of its own."""
    columns = np.packbits(inside.T, axis=1)
    seen = {column.tobytes(): m for m, column in enumerate(columns) if column.any()}
    return np.ascontiguousarray(inside[:, [seen[key] for key in sorted(seen, reverse=True)]])
