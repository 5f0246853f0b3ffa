"""The agreement of an id map with a ground truth, object by object.

Ids mean the same object in every map of a scene, so nothing has to be matched: object g of the
truth is compared with the pixels that hold g in the other map. Every measure is then a ratio of
pixel counts by id, and one `np.bincount` counts all objects of a frame at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.ids import LARGEST_ID, IdMap, count_overlap

Ids: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Values: TypeAlias = npt.NDArray[np.float64]

BOUNDARY_TOLERANCE = 2
"""Pixels by which a contour may be off and still count as matched."""
FINE_TOLERANCE = 1
"""The tolerance for applications that need borders exact to a pixel."""
THIN = 6
"""Greatest width, in pixels, of thin parts of objects: legs, bars, rims, cables."""
BAND_RATIO = 0.02
"""Width of the bands of boundary IoU, as a share of the image diagonal."""
HARM = 0.02
"""Loss of IoU against the coarse map above which an object counts as harmed."""


@dataclass(frozen=True, slots=True, eq=False)
class MapScores:
    """The scores of one id map against the truth; arrays hold one value per object of the truth.

    An object that the map lacks scores 0 everywhere.
    """

    present: Flags
    """(K,) whether the map holds the object at all."""
    iou: Values
    """(K,) intersection over union, in [0, 1]."""
    boundary_f: Values
    """(K,) F-measure of the contour, in [0, 1]."""
    boundary_f_fine: Values
    """(K,) the same at a tolerance of `FINE_TOLERANCE`, in [0, 1]."""
    boundary_iou: Values
    """(K,) IoU of the bands inside the contours, in [0, 1]."""
    thin_found: Ids
    """(K,) pixels of the object's thin parts that have its id in the map."""
    invalid_ratio: float
    """Share of the map's pixels that belong to no object, in [0, 1]."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameScores:
    """The scores of the coarse and the refined map of one frame, each against the truth."""

    ids: Ids
    """(K,) the objects of the truth, ascending."""
    areas: Ids
    """(K,) their pixels in the truth."""
    thin_areas: Ids
    """(K,) their pixels in parts at most `THIN` pixels wide."""
    coarse: MapScores
    refined: MapScores
    truth_invalid_ratio: float
    """Share of the truth's pixels that belong to no object, in [0, 1]."""
    lost: tuple[int, ...]
    """Ids of the coarse map that the refined map lacks, whether or not the truth has them."""
    invented: tuple[int, ...]
    """Ids of the refined map that neither the coarse map nor the truth has."""

    @property
    def harmed(self) -> Flags:
        """(K,) whether the object lost more than `HARM` of IoU by refinement."""
        return self.coarse.iou - self.refined.iou > HARM


def score_frame(
    truth: IdMap,
    refined: IdMap,
    coarse: IdMap,
    *,
    min_area: int = 1,
    tolerance: int = BOUNDARY_TOLERANCE,
    band_ratio: float = BAND_RATIO,
) -> FrameScores:
    """Score a refined map and its coarse map against the truth.

    Parameters
    ----------
    truth, refined, coarse
        (H, W) ids in [0, 65535]; 0 is no object. An object of another map is wrong where the truth
        is 0, which means background. If the truth is only incomplete there, set the other maps to
        0 there beforehand.
    min_area
        Objects with fewer pixels in the truth are left out.
    tolerance
        See `boundary_f`.
    band_ratio
        See `boundary_iou`; at least one pixel.

    Raises
    ------
    ValueError
        The maps differ in size, are not two-dimensional, or hold other ids.
    """
    if truth.ndim != 2 or not truth.shape == refined.shape == coarse.shape:
        raise ValueError(
            f"id maps of one size (H, W) are needed, found truth {truth.shape}, "
            f"refined {refined.shape}, coarse {coarse.shape}"
        )
    lowest = min(int(ids.min()) for ids in (truth, refined, coarse))
    highest = max(int(ids.max()) for ids in (truth, refined, coarse))
    if lowest < 0 or highest > LARGEST_ID:
        raise ValueError(f"ids in [0, {LARGEST_ID}] are needed, found [{lowest}, {highest}]")
    areas = np.bincount(truth.ravel())
    areas[0] = 0
    objects = np.flatnonzero(areas >= max(min_area, 1))
    width = max(1, round(band_ratio * math.hypot(*truth.shape)))
    thin = np.where(thin_parts(truth), truth, 0)

    def score(ids: IdMap) -> MapScores:
        return MapScores(
            present=_count(ids, objects) > 0,
            iou=iou(truth, ids, objects),
            boundary_f=boundary_f(truth, ids, objects, tolerance),
            boundary_f_fine=boundary_f(truth, ids, objects, FINE_TOLERANCE),
            boundary_iou=boundary_iou(truth, ids, objects, width),
            thin_found=_count(thin[thin == ids], objects),
            invalid_ratio=_invalid_ratio(ids),
        )

    before, after, true = ({*np.unique(ids).tolist()} - {0} for ids in (coarse, refined, truth))
    return FrameScores(
        ids=objects,
        areas=areas[objects],
        thin_areas=_count(thin, objects),
        coarse=score(coarse),
        refined=score(refined),
        truth_invalid_ratio=_invalid_ratio(truth),
        lost=tuple(sorted(before - after)),
        invented=tuple(sorted(after - before - true)),
    )


def iou(truth: IdMap, ids: IdMap, objects: Ids) -> Values:
    """Return (K,) the intersection over union of each object's pixels."""
    counts = count_overlap(truth, ids, at_least=int(objects.max(initial=0)) + 1)
    in_truth, in_ids, both = (each[objects] for each in counts)
    return _ratio(both, in_truth + in_ids - both)


def boundary_f(truth: IdMap, ids: IdMap, objects: Ids, tolerance: int) -> Values:
    """Return (K,) the F-measure of each object's contour.

    The contour of an object is its pixels with a 4-neighbour of another id. The edge of the image
    is no contour, since every map ends there. Precision is the share of the map's contour that has
    the truth's contour within `tolerance` pixels (Euclidean), recall the reverse.

    Follows the contour accuracy of Perazzi et al., "A Benchmark Dataset and Evaluation Methodology
    for Video Object Segmentation", CVPR 2016 (DAVIS), which bounds the distance by a share of the
    image diagonal; here it is in pixels, as the errors of rendered ids are.
    """
    wanted, found = _contours(truth), _contours(ids)
    n_wanted, n_found = _count(wanted, objects), _count(found, objects)
    precision = _ratio(_count(_near(found, wanted, tolerance), objects), n_found)
    recall = _ratio(_count(_near(wanted, found, tolerance), objects), n_wanted)
    f = _ratio(2 * precision * recall, precision + recall)
    # An object that fills the image in both maps has no contour in either, and scores 1.
    without_contour = (n_wanted == 0) & (n_found == 0) & (_count(ids, objects) > 0)
    return np.where(without_contour, 1.0, f)


def boundary_iou(truth: IdMap, ids: IdMap, objects: Ids, width: int) -> Values:
    """Return (K,) the IoU of the bands, `width` pixels wide, inside each object's contour.

    Cheng et al., "Boundary IoU: Improving Object-Centric Image Segmentation Evaluation", CVPR 2021.
    As in the authors' code, distance is chessboard distance and the edge of the image is contour.
    """
    return iou(_bands(truth, width), _bands(ids, width), objects)


def thin_parts(truth: IdMap) -> Flags:
    """Return (H, W) whether the object at each pixel is at most `THIN` pixels wide there.

    Thin are the pixels outside all squares of `THIN` + 1 pixels that fit into the object, and more
    than two pixels away from these, so that round corners of wide parts do not count.
    """
    side = THIN + 1
    lowest, highest = ndimage.minimum_filter(truth, side), ndimage.maximum_filter(truth, side)
    centres = np.where(lowest == highest, truth, 0)
    # Squares of two objects never overlap, so the maximum is the id of the only one at a pixel.
    wide = ndimage.maximum_filter(ndimage.maximum_filter(centres, side), 5)
    thin: Flags = (truth > 0) & (wide != truth)
    return thin


def _contours(ids: IdMap) -> IdMap:
    """Return the map with 0 at pixels that have no 4-neighbour of another id."""
    edge = np.zeros(ids.shape, dtype=bool)
    for here, there in (np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1]):
        differs = ids[here] != ids[there]
        edge[here] |= differs
        edge[there] |= differs
    return np.where(edge, ids, 0)


def _near(contours: IdMap, others: IdMap, tolerance: int) -> IdMap:
    """Return (n,) the ids of contour pixels with the same id in `others` within `tolerance`."""
    rows, columns = np.nonzero(contours)
    ids = contours[rows, columns]
    padded = np.pad(others, tolerance)
    near = np.zeros(ids.shape, dtype=bool)
    reach = range(-tolerance, tolerance + 1)
    for dy, dx in ((dy, dx) for dy in reach for dx in reach if math.hypot(dy, dx) <= tolerance):
        near |= padded[rows + tolerance + dy, columns + tolerance + dx] == ids
    return ids[near]


def _bands(ids: IdMap, width: int) -> IdMap:
    """Return the map with 0 at pixels farther than `width` from other ids and the image's edge."""
    outside, size = -1, 2 * width + 1
    signed = ids.astype(np.int64)
    # A pixel is that far inside its object if the window around it holds one id only.
    lowest = ndimage.minimum_filter(signed, size, mode="constant", cval=outside)
    highest = ndimage.maximum_filter(signed, size, mode="constant", cval=outside)
    return np.where(lowest == highest, 0, ids)


def _count(ids: IdMap, objects: Ids) -> Ids:
    counts = np.bincount(ids.ravel(), minlength=int(objects.max(initial=0)) + 1)
    return counts[objects]


def _invalid_ratio(ids: IdMap) -> float:
    return 1.0 - np.count_nonzero(ids) / ids.size


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Values:
    ratio = np.zeros(whole.shape)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
