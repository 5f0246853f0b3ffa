from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.refinement.borders.outlines import labels_of, outline, touches_border
from pipeline.refinement.borders.view import view_of


def picture() -> tuple[np.ndarray, np.ndarray]:
    """Draw a red thing before a blue wall; return the image and its true ids."""
    truth = np.full((60, 80), 2, dtype=np.uint16)
    truth[20:45, 25:60] = 9
    image = np.where((truth == 9)[..., None], (200, 40, 40), (40, 60, 190)).astype(np.uint8)
    return image, truth


@given(
    arrays(np.uint16, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 3))
)
def test_every_side_between_two_labels_counts_once(ids: np.ndarray) -> None:
    view = view_of(np.zeros((*ids.shape, 3), np.uint8), ids.shape, 4.0)
    outlines = outline(labels_of(ids), view)
    sides: dict[int, int] = {}
    touching = np.zeros(ids.shape, bool)
    for y, x in np.ndindex(ids.shape):
        for down, along in (0, 1), (1, 0):
            there = y + down, x + along
            if there[0] < ids.shape[0] and there[1] < ids.shape[1] and ids[y, x] != ids[there]:
                low, high = sorted((int(ids[y, x]), int(ids[there])))
                sides[low * 65536 + high] = sides.get(low * 65536 + high, 0) + 1
                touching[y, x] = touching[there] = True
    assert dict(zip(outlines.pair.tolist(), outlines.length.tolist(), strict=True)) == sides
    np.testing.assert_array_equal(outlines.border, touching)
    np.testing.assert_array_equal(touches_border(labels_of(ids)), touching)
    assert np.flatnonzero(outlines.present).tolist() == np.unique(ids).tolist()


def test_borders_are_measured_by_pair_of_labels() -> None:
    image, truth = picture()
    truth[:, 70:] = 30  # a border that the image does not show
    view = view_of(image, truth.shape, 4.0)
    means = outline(labels_of(truth), view)
    assert means.pair.tolist() == [2 * 65536 + 9, 2 * 65536 + 30]
    assert means.length.tolist() == [2 * 25 + 2 * 35, 60]
    peak, _ = means.of_pairs(torch.tensor([9, 30, 9]), torch.tensor([2, 2, 30]))
    assert peak[0] > 0.9
    assert peak[1] == pytest.approx(0.0, abs=1e-6)
    assert peak[2] == means.map_peak  # these two do not touch


def test_a_map_without_borders_has_no_means() -> None:
    view = view_of(np.zeros((4, 5, 3), np.uint8), (4, 5), 4.0)
    means = outline(labels_of(np.ones((4, 5), np.uint16)), view)
    assert not len(means.pair)
    assert [part.tolist() for part in means.of_pairs(torch.tensor([1]), torch.tensor([0]))] == [
        [0.0],
        [0.0],
    ]
