from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.refinement.crossings import Crossings, of_logits, of_masks
from tests.examples import examples
from tests.refinement.drawings import drawings


def draw_again(crossings: Crossings, height: int, width: int) -> np.ndarray:
    turns = np.zeros((crossings.n_masks, height * width + 1), dtype=int)
    np.add.at(turns, (crossings.mask, crossings.position), 1)
    inside = turns.cumsum(axis=1)[:, :-1] % 2 == 1
    return inside.reshape(crossings.n_masks, height, width)


@settings(max_examples=examples(100), deadline=None)
@given(drawings())
def test_crossings_hold_all_of_a_mask(drawing: tuple[np.ndarray, np.ndarray]) -> None:
    _, masks = drawing
    np.testing.assert_array_equal(draw_again(of_masks(masks), *masks.shape[1:]), masks)


def test_a_mask_crosses_once_where_it_begins_and_once_where_it_ends() -> None:
    mask = np.zeros((1, 4, 40), dtype=bool)
    mask[0, 1, 5:30] = mask[0, 2, 5:30] = True
    assert of_masks(mask).position.tolist() == [45, 70, 85, 110]


@settings(max_examples=examples(150), deadline=None)
@given(
    st.integers(0, 3),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.integers(0, 2**32 - 1),
)
def test_logits_cross_where_their_upsampled_masks_do(
    n: int, low: tuple[int, int], full: tuple[int, int], seed: int
) -> None:
    # Random logits have no exact zeros after interpolation, so the comparison can be exact.
    logits = torch.randn((n, *low), generator=torch.Generator().manual_seed(seed))
    crossings = of_logits(logits, *full)
    assert crossings.n_masks == n
    if n:
        upsampled = torch.nn.functional.interpolate(
            logits[None].double(), full, mode="bilinear", align_corners=False
        )[0]
        np.testing.assert_array_equal(draw_again(crossings, *full), upsampled.numpy() > 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_logits_of_any_float_type(dtype: torch.dtype) -> None:
    logits = torch.full((1, 4, 4), -3.0, dtype=dtype)
    logits[0, 1:3, 1:3] = 3.0
    drawn = draw_again(of_logits(logits, 16, 16), 16, 16)[0]
    expected = np.zeros((16, 16), dtype=bool)
    expected[4:12, 4:12] = True
    assert (drawn != expected).sum() <= 4  # the corners are cut
    np.testing.assert_array_equal(drawn, drawn.T)


def test_a_logit_of_exactly_zero_is_outside() -> None:
    logits = torch.tensor([[[0.0, 1.0, 0.0]]])
    assert draw_again(of_logits(logits, 1, 3), 1, 3).tolist() == [[[False, True, False]]]


def test_noise_is_left_out_and_shapes_are_not() -> None:
    noise = torch.randn(3, 256, 256, generator=torch.Generator().manual_seed(0))
    y, x = np.mgrid[:256, :256]
    comb = torch.from_numpy(np.where((x % 16 < 8) & (y > 20) & (y < 230), 4.0, -4.0)).float()
    crossings = of_logits(torch.stack([noise[0], comb, *noise[1:]]), 300, 400)
    assert crossings.frayed.tolist() == [True, False, True, True]
    assert set(crossings.mask.tolist()) == {1}


def test_borders_of_all_masks_are_bounded_and_the_clearest_stay() -> None:
    stripes = [
        np.where(np.arange(256) % width < width // 2, 4.0, -4.0)[None].repeat(256, 0)
        for width in (16, 128, 64)
    ]
    logits = torch.from_numpy(np.stack(stripes * 60)).float()
    frayed = of_logits(logits, 256, 256).frayed.reshape(60, 3)
    assert not frayed[:, 1:].any()
    assert 0 < frayed[:, 0].sum() < 60
