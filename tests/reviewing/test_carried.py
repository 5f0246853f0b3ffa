"""Ids of a neighbour follow the motion between the two images."""

from __future__ import annotations

import numpy as np

from pipeline.reviewing.carried import carried_ids
from tests.refinement.neighbours.moving import HEIGHT, WIDTH, view

SHAPE = (HEIGHT, WIDTH)


def test_ids_follow_the_camera() -> None:
    own, other = view(), view(12)
    found = carried_ids(own.image, SHAPE, other.image, other.ids)
    assert np.mean(found == other.ids) < 0.9
    # A strip at the left is out of view of the neighbour.
    assert np.mean((found == own.ids)[:, 12:]) > 0.99


def test_ids_may_have_another_size_than_images() -> None:
    own, other = view(), view(6)
    larger = np.kron(other.ids, np.ones((2, 2), np.uint16))
    found = carried_ids(own.image, SHAPE, other.image, larger)
    assert np.mean((found == own.ids)[:, 6:]) > 0.98


def test_nothing_is_carried_between_images_of_different_things() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, *SHAPE, 3), np.uint8)
    found = carried_ids(noise[0], SHAPE, noise[1], np.full(SHAPE, 7, np.uint16))
    assert found.shape == SHAPE
    assert np.mean(found == 0) > 0.1
