from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.refinement.borders import place as borders_place
from pipeline.refinement.borders.place import (
    BAND,
    LEAST_RADIUS,
    NEAR,
    ROUGH,
    WIDE,
    WIDEST,
    place_borders,
    placements,
)
from tests.examples import examples

CELL = 5.0


def place(
    ids: np.ndarray, image: np.ndarray, cell: float = CELL, passes: tuple[float, ...] = NEAR
) -> np.ndarray:
    pixels = torch.from_numpy(image).permute(2, 0, 1).float().div(255).contiguous()
    placed = place_borders(torch.from_numpy(ids.astype(np.int32)), pixels, cell, passes)
    return placed.numpy().astype(np.uint16)


def blocks(seed: int, shape: tuple[int, int] = (80, 100)) -> np.ndarray:
    """Draw an id map of overlapping rectangles."""
    rng = np.random.default_rng(seed)
    ids = np.full(shape, rng.integers(0, 3), dtype=np.uint16)
    for label in rng.permutation(60_000)[:6]:
        top, left = rng.integers(0, shape[0] - 12), rng.integers(0, shape[1] - 12)
        height, width = rng.integers(8, 40, 2)
        ids[top : top + height, left : left + width] = label
    return ids


@settings(deadline=None, max_examples=examples(30))
@given(st.integers(0, 999), st.integers(0, 255))
def test_moves_nothing_where_the_image_says_nothing(seed: int, grey: int) -> None:
    ids = blocks(seed)
    image = np.full((*ids.shape, 3), grey, dtype=np.uint8)
    np.testing.assert_array_equal(place(ids, image), ids)


@settings(deadline=None, max_examples=examples(40))
@given(
    st.floats(0, np.pi),
    st.floats(-4, 4),
    st.tuples(*[st.integers(0, 255)] * 6).filter(
        lambda c: max(abs(c[i] - c[i + 3]) for i in range(3)) > 40
    ),
)
def test_finds_the_border_of_two_flat_colours_to_the_pixel(
    angle: float, off: float, colours: tuple[int, ...]
) -> None:
    y, x = np.mgrid[:90, :110]
    beyond = (x - 55) * np.cos(angle) + (y - 45) * np.sin(angle)
    truth = np.where(beyond > 0, 3, 500).astype(np.uint16)
    image = np.where(beyond[..., None] > 0, colours[:3], colours[3:]).astype(np.uint8)
    rough = np.where(beyond + off > 0, 3, 500).astype(np.uint16)
    # At the edges of the image windows are cut off, so borders that are far off may stay there.
    seen = np.s_[:, :] if abs(off) <= 3 else np.s_[7:-7, 7:-7]
    np.testing.assert_array_equal(place(rough, image)[seen], truth[seen])


@settings(deadline=None, max_examples=examples(20))
@given(st.integers(0, 999))
def test_the_names_of_ids_do_not_matter(seed: int) -> None:
    ids = blocks(seed)
    rng = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(rng.uniform(0, 255, (*ids.shape, 3)), (2, 2, 0))
    image = (128 + 6 * (image - 128)).clip(0, 255).astype(np.uint8)
    renamed = rng.permutation(65_536).astype(np.uint16)
    np.testing.assert_array_equal(place(renamed[ids], image), renamed[place(ids, image)])


@settings(deadline=None, max_examples=examples(20))
@given(st.integers(0, 999), st.sampled_from([2.0, 5.0, 9.0]), st.sampled_from([WIDE, NEAR]))
def test_nothing_moves_further_than_the_bands(
    seed: int, cell: float, passes: tuple[float, ...]
) -> None:
    ids = blocks(seed)
    noise = np.random.default_rng(seed).integers(0, 256, (*ids.shape, 3), dtype=np.uint8)
    placed = place(ids, noise, cell, passes)
    border = np.zeros(ids.shape, dtype=bool)
    border[1:] |= ids[1:] != ids[:-1]
    border[:-1] |= ids[1:] != ids[:-1]
    border[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    border[:, :-1] |= ids[:, 1:] != ids[:, :-1]
    bands = sum(round(BAND * max(LEAST_RADIUS, round(cells * cell))) for cells in passes)
    away = ndimage.distance_transform_cdt(~border, "chessboard")
    assert not (away[placed != ids] > bands + 2 * ROUGH).any()
    assert set(np.unique(placed)) <= set(np.unique(ids))


def test_no_window_is_wider_than_some_pixels() -> None:
    assert list(placements(5.0)) == [WIDE, NEAR]
    assert list(placements(WIDEST / WIDE[0] + 0.1)) == [NEAR]


def test_a_wide_pass_finds_what_is_further_away() -> None:
    truth = np.zeros((120, 160), dtype=np.uint16)
    truth[:, 80:] = 7
    image = np.where(truth[..., None] > 0, (200, 60, 60), (40, 90, 200)).astype(np.uint8)
    off = np.roll(truth, 12, axis=1)
    off[:, :12] = 0
    inner = np.s_[20:-20, 20:-20]
    np.testing.assert_array_equal(place(place(off, image, CELL, WIDE), image)[inner], truth[inner])
    assert (place(off, image)[inner] != truth[inner]).any()


@settings(deadline=None, max_examples=examples(20))
@given(st.integers(0, 999), st.sampled_from([2.0, 5.0, 9.0]))
def test_tiles_say_the_same_whatever_is_worked_on_together(seed: int, cell: float) -> None:
    ids = blocks(seed, (120, 150))
    rng = np.random.default_rng(seed)
    image = (255 * ndimage.gaussian_filter(rng.random((*ids.shape, 3)), (2, 2, 0))).astype(np.uint8)
    found = place(ids, image, cell)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(borders_place, "AT_ONCE", {"cpu": 1})
        np.testing.assert_array_equal(found, place(ids, image, cell))


@settings(deadline=None, max_examples=examples(20))
@given(st.integers(0, 999), st.sampled_from([2.0, 5.0, 9.0]))
def test_the_size_of_tiles_does_not_matter(seed: int, cell: float) -> None:
    ids = blocks(seed, (120, 150))
    rng = np.random.default_rng(seed)
    image = (255 * ndimage.gaussian_filter(rng.random((*ids.shape, 3)), (2, 2, 0))).astype(np.uint8)
    found = place(ids, image, cell)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(borders_place, "TILE_CELLS", 40)
        assert (found != place(ids, image, cell)).sum() <= 2  # ties that rounding decides


def test_a_map_of_one_label_has_no_border() -> None:
    ids = np.full((20, 30), 4, dtype=np.uint16)
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(place(ids, noise), ids)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3)])
def test_small_maps_are_no_trouble(shape: tuple[int, int]) -> None:
    ids = np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape) // 3
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert place(ids, image).shape == shape


def test_a_straight_edge_stays_straight_under_jpeg_noise() -> None:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:120, :160]
    truth = np.where(x - 0.2 * y > 60, 8, 2).astype(np.uint16)
    image = np.where(truth[..., None] == 8, (150, 140, 120), (90, 110, 130)) + rng.normal(
        0, 5, (120, 160, 3)
    )
    wavy = np.where(x - 0.2 * y > 60 + 3 * np.sin(y / 7), 8, 2).astype(np.uint16)
    placed = place(wavy, image.clip(0, 255).astype(np.uint8))
    assert (wavy != truth).sum() > 200
    assert (placed != truth).sum() < 25
