"""Image support separates the ids of an image from those of another."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.clock import StageClock
from pipeline.config import load_config
from pipeline.demo.coarse import coarsen
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.record.tally import SUSPICIOUS_SUPPORT
from pipeline.sam import SAM2
from pipeline.sam.support import image_support


def drawn(seed: int, size: tuple[int, int] = (96, 128)) -> np.ndarray:
    """Draw a dozen rectangles of ids."""
    rng = np.random.default_rng(seed)
    ids = np.zeros(size, np.int32)
    for number in range(1, 13):
        top, left = rng.integers(0, size[0] - 20), rng.integers(0, size[1] - 20)
        height, width = rng.integers(15, 50, 2)
        ids[top : top + height, left : left + width] = 100 * number
    return ids


def features_of(ids: np.ndarray, noise: float = 0.5) -> torch.Tensor:
    """Make features that differ from object to object, and vary within each."""
    rng = np.random.default_rng(int(ids.sum()) % 2**32)
    _, numbers = np.unique(ids, return_inverse=True)
    colours = rng.normal(size=(numbers.max() + 1, 8))
    found = colours[numbers.reshape(ids.shape)] + noise * rng.normal(size=(*ids.shape, 8))
    return torch.from_numpy(found.transpose(2, 0, 1)).float()


@pytest.mark.parametrize("seed", range(5))
def test_own_ids_have_support_and_those_of_another_image_have_none(seed: int) -> None:
    features = features_of(drawn(seed))
    own = image_support(features, drawn(seed))
    others = image_support(features, drawn(seed + 100))
    mirrored = image_support(features, drawn(seed)[:, ::-1])
    assert own is not None
    assert others is not None
    assert mirrored is not None
    assert own > 0.5
    assert others < SUSPICIOUS_SUPPORT
    assert mirrored < 0


def test_ids_and_features_may_differ_in_size() -> None:
    ids = drawn(1)
    features = features_of(ids)
    enlarged = image_support(features, ids.repeat(3, axis=0).repeat(2, axis=1))
    assert enlarged == pytest.approx(image_support(features, ids), abs=0.02)


@pytest.mark.parametrize(
    "ids",
    [
        np.zeros((48, 64), np.int32),
        np.full((48, 64), 7),
        np.pad(np.ones((2, 2), np.int32), 40),
        np.ones((1, 1), np.int32),
    ],
    ids=["no object", "one object", "symmetric", "one pixel"],
)
def test_nothing_is_said_where_nothing_can_be_said(ids: np.ndarray) -> None:
    assert image_support(features_of(drawn(1)), ids) is None


def test_features_that_are_no_numbers_say_nothing() -> None:
    features = features_of(drawn(1))
    features[3, 5, 5] = torch.nan
    assert image_support(features, drawn(1)) is None
    assert image_support(torch.zeros(8, 64, 64), drawn(1)) is None


@given(hnp.arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_any_ids_have_an_answer_within_bounds(ids: np.ndarray) -> None:
    support = image_support(features_of(drawn(1)), ids)
    assert support is None or -1 <= support <= 1


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["guided", "grid"])
def test_the_demo_model_tells_rooms_apart(mode: str) -> None:
    proposer = SAM2.make(
        load_config({"model": {"name": "demo"}, "proposals": {"mode": mode, "points_per_side": 4}})
    )
    frames = []
    for seed in (7000, 7001):
        room = make_room(seed)
        frame = take(room, camera_path(room, 1, (320, 240))[0], 0)
        frames.append((frame.image, coarsen(frame.ids, seed, 1.0)))
    (image, own), (_, others) = frames
    right, wrong = proposer.propose([image, image], [own, others], StageClock())
    assert right.image_support is not None
    assert wrong.image_support is not None
    assert right.image_support > SUSPICIOUS_SUPPORT > wrong.image_support
