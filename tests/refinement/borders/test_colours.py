from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.refinement.borders import colours
from pipeline.refinement.borders.colours import GREY_LEVELS, REACH, SIDE, likelihoods
from pipeline.refinement.borders.outlines import labels_of


def asked_of(
    ids: np.ndarray, image: np.ndarray, place: np.ndarray, *labels: int, cell: float = 4.0
) -> list[tuple[np.ndarray, ...]]:
    asked = np.stack([np.full(len(place), label) for label in labels])
    found = likelihoods_of(ids, image, cell, place, asked)
    return list(zip(*found, strict=True))


def likelihoods_of(
    ids: np.ndarray, image: np.ndarray, cell: float, place: np.ndarray, asked: np.ndarray
) -> tuple[np.ndarray, ...]:
    colours = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
    sure = torch.ones(ids.shape, dtype=torch.bool)
    where = torch.from_numpy(place), torch.from_numpy(asked)
    return tuple(each.numpy() for each in likelihoods(labels_of(ids), sure, colours, cell, *where))


def test_is_the_density_of_the_colours_around() -> None:
    rng = np.random.default_rng(0)
    ids = np.where(np.arange(64) < 40, 3, 9)[None].repeat(48, 0).astype(np.uint16)
    image = rng.uniform(0.2, 0.8, (48, 64, 3)).astype(np.float32)
    y, x = 20, 37
    [(likely, enough, near)] = asked_of(ids, image, np.array([y * 64 + x]), 3)
    side = round(SIDE * 4.0)
    rows, columns = (
        slice((at // side - REACH) * side, (at // side + REACH + 1) * side) for at in (y, x)
    )
    counted = (ids == 3) & (np.indices(ids.shape).sum(axis=0) % 2 == 1)
    around = image[rows, columns][counted[rows, columns]].astype(np.float64)
    covariance = np.cov(around.T, bias=True) + GREY_LEVELS * np.eye(3)
    off = image[y, x] - around.mean(axis=0)
    expected = -0.5 * off @ np.linalg.solve(covariance, off)
    expected -= 0.5 * np.log(np.linalg.det(covariance * 255.0**2))
    assert likely[0] == pytest.approx(expected, rel=1e-3)
    assert enough[0]
    assert near[0]


def test_far_from_a_label_its_colours_in_the_whole_image_count() -> None:
    ids = np.where(np.arange(80) < 20, 3, 9)[None].repeat(40, 0).astype(np.uint16)
    image = np.where((ids == 3)[..., None], (0.9, 0.1, 0.1), (0.1, 0.1, 0.9)).astype(np.float32)
    image[:, 70:] = (0.9, 0.1, 0.1)
    place = np.array([20 * 80 + 75])
    [(like_3, enough_3, near_3), (like_9, _, near_9)] = asked_of(ids, image, place, 3, 9)
    assert enough_3[0]
    assert not near_3[0]
    assert near_9[0]
    assert like_3[0] > like_9[0]


def test_a_label_that_is_nowhere_says_nothing() -> None:
    ids = np.full((20, 20), 3, dtype=np.uint16)
    image = np.full((20, 20, 3), 0.5, dtype=np.float32)
    [(_, enough, near)] = asked_of(ids, image, np.array([5]), 7)
    assert not enough[0]
    assert not near[0]


def test_labels_are_worked_out_in_portions_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    ids = rng.integers(0, 40, (12, 16)).repeat(5, 0).repeat(5, 1).astype(np.uint16)
    image = rng.random((60, 80, 3), dtype=np.float32)
    place = np.arange(0, 4800, 7)
    label = ids.reshape(-1)[place].astype(np.int64)
    whole = likelihoods_of(ids, image, 4.0, place, label[None])
    monkeypatch.setattr(colours, "AT_ONCE", 1)
    parts = likelihoods_of(ids, image, 4.0, place, label[None])
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
