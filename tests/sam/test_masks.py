from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from torch import Tensor

from pipeline.sam import masks
from pipeline.sam.masks import remove_small_regions, stability, suppress_duplicates

Masks = npt.NDArray[np.bool_]

SHAPE = st.tuples(st.integers(0, 9), st.integers(1, 6), st.integers(1, 6))
SOME_MASKS = SHAPE.flatmap(lambda shape: hnp.arrays(bool, shape))


def as_logits(inside: Masks) -> Tensor:
    return torch.from_numpy(np.where(inside, 3.0, -2.0))


def test_stability() -> None:
    logits = torch.tensor([[[5.0, 0.5, -0.5, -5.0]], [[-5.0] * 4], [[5.0] * 4]])
    assert stability(logits).tolist() == [pytest.approx(1 / 3), 0.0, 1.0]


def boxed(mask: Masks) -> Masks:
    """Fill a mask's box."""
    rows, columns = np.nonzero(mask)
    box = np.zeros_like(mask)
    if len(rows):
        box[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    return box


def iou(one: Masks, other: Masks) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))


def plain_nms(inside: Masks, rating: npt.NDArray[np.float32], threshold: float) -> list[int]:
    order = np.argsort(-rating, kind="stable")
    by_box: list[int] = []
    for m in order:
        if all(iou(boxed(inside[m]), boxed(inside[k])) <= threshold for k in by_box):
            by_box.append(int(m))
    kept: list[int] = []
    for m in order:
        if m in by_box or all(
            iou(inside[m], inside[k]) <= threshold
            or iou(boxed(inside[m]), boxed(inside[k])) <= threshold
            for k in kept
        ):
            kept.append(int(m))
    return kept


@given(SOME_MASKS, st.sampled_from([0.0, 0.5, 0.7]), st.integers(1, 4), st.randoms())
def test_suppression_is_greedy_nms(
    inside: Masks, threshold: float, block: int, rng: object
) -> None:
    rating = np.array([rng.choice([0.5, 0.6, 0.9]) for _ in inside], np.float32)  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masks, "_NMS_BLOCK", block)
        kept = suppress_duplicates(as_logits(inside), torch.from_numpy(rating), threshold)
    assert kept.tolist() == plain_nms(inside, rating, threshold)


def plainly_cleaned(inside: Masks, min_cells: float) -> Masks:
    """Remove small regions mask by mask and region by region."""
    neighbours = np.ones((3, 3))
    labels, n = ndimage.label(~inside, neighbours)
    filled = inside.copy()
    for k in range(1, n + 1):
        if (labels == k).sum() < min_cells:
            filled[labels == k] = True
    labels, n = ndimage.label(filled, neighbours)
    areas = [(labels == k).sum() for k in range(1, n + 1)]
    large = [k + 1 for k, area in enumerate(areas) if area >= min_cells]
    return np.isin(labels, large or [int(np.argmax(areas)) + 1] if areas else [])


@given(SOME_MASKS, st.sampled_from([0.0, 1.0, 2.0, 3.5, 8.0]))
def test_small_regions(inside: Masks, min_cells: float) -> None:
    logits = as_logits(inside)
    cleaned = remove_small_regions(logits, min_cells)
    expected = [plainly_cleaned(mask, min_cells) for mask in inside]
    assert np.array_equal(cleaned.numpy() > 0, np.array(expected, bool).reshape(inside.shape))
    assert torch.equal(cleaned.abs(), logits.abs())
