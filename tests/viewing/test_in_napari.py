from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset import read_image
from pipeline.viewing.in_napari import FRAMES_KEPT, LazyStack, add_layers, make_stacks
from pipeline.viewing.layers import find_scene
from tests.refined import Refined, refine_by_hand


@pytest.fixture
def made(make_dataset: Callable[..., Path]) -> Refined:
    return refine_by_hand(make_dataset(scenes=1, frames=3))


def test_a_stack_is_indexed_like_an_array() -> None:
    whole = np.arange(5 * 4 * 3).reshape(5, 4, 3)
    stack = LazyStack(lambda number: whole[number], 5, (4, 3), whole.dtype)
    assert (stack.shape, stack.ndim, len(stack), stack.size) == (whole.shape, 3, 5, whole.size)
    keys = [0, -1, np.int64(2), slice(1, 4), slice(None, None, 2), slice(3, 3), (2, slice(1, 3))]
    keys += [(slice(None), 1), (slice(0, 2), slice(None), 2), Ellipsis, (Ellipsis, 0), (4, 3, 2)]
    for key in keys:
        assert np.array_equal(stack[key], whole[key]), key
    assert np.array_equal(np.asarray(stack), whole)
    with pytest.raises(IndexError):
        stack[5]


def test_few_frames_of_a_stack_are_in_memory() -> None:
    reads = []

    def read(number: int) -> np.ndarray:
        reads.append(number)
        return np.zeros((2, 2))

    stack = LazyStack(read, 1000, (2, 2), float)
    for number in [*range(1000), 999, 999]:
        stack[number]
    assert len(reads) == 1000
    assert stack._read.cache_info().currsize == FRAMES_KEPT


def test_stacks_of_a_scene(made: Refined) -> None:
    made.layout.output_path(made.frames[1]).write_bytes(b"torn")
    stacks, problems = make_stacks(find_scene(made.layout, None))
    for number, frame in enumerate(made.frames):
        image = read_image(made.layout.image_path(frame))
        assert np.array_equal(stacks["image"][number], image)
        expected = made.in_file(frame) if number != 1 else np.zeros(image.shape[:2])
        assert np.array_equal(stacks["refined"][number], expected)
    assert stacks["refined"].dtype == np.uint16
    assert len(problems) == 1
    assert "frame_000001" in problems[0]


def test_napari_takes_them(made: Refined) -> None:
    components = pytest.importorskip("napari.components", reason="napari is not installed")
    viewer = components.ViewerModel()
    stacks, _ = make_stacks(find_scene(made.layout, None))
    add_layers(viewer, stacks)
    assert [layer.name for layer in viewer.layers] == ["image", "coarse", "refined"]
    viewer.dims.set_current_step(0, 2)
    shown = viewer.layers["refined"]._slice.image.raw
    assert np.array_equal(np.asarray(shown), made.in_file(made.frames[2]))
