from __future__ import annotations

import numpy as np
import pytest

from pipeline.refinement.borders.view import view_of


def test_steps_lie_where_colours_change() -> None:
    image = np.zeros((20, 30, 3), dtype=np.uint8)
    image[:, 12:] = (200, 100, 50)
    view = view_of(image, (20, 30), 5.0)
    wide, peak = view.wide.numpy(), view.peak.numpy()
    assert (wide[0].argmax(axis=1) == 11).all()
    assert (peak[0, :, 11] > 0.97).all()
    assert (peak[0, :, 6] < 0.01).all()
    assert wide[1].max() == pytest.approx(0.0, abs=1e-6)
    height = np.linalg.norm(np.array([200, 100, 50]) / 255)
    assert wide[0].max() == pytest.approx(height, rel=0.2)


def test_a_flat_image_has_no_peaks() -> None:
    view = view_of(np.full((9, 9, 3), 130, np.uint8), (9, 9), 3.0)
    assert view.peak[0].max() == pytest.approx(0.0, abs=1e-4)
    assert view.texture == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("size", [(40, 60), (10, 15), (31, 17)])
def test_an_image_is_brought_to_the_size_of_the_ids(size: tuple[int, int]) -> None:
    image = np.zeros((20, 30, 3), dtype=np.uint8)
    image[:, 15:] = 240
    view = view_of(image, size, 3.0)
    assert view.shape == size
    step = int(view.wide[0, size[0] // 2].argmax())
    assert abs(step + 1 - size[1] / 2) <= 1
    assert view.image.min() >= 0.0
    assert view.image.max() == pytest.approx(240 / 255, abs=1e-5)
