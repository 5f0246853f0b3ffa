from __future__ import annotations

import dask.bag
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dashboard.task_names import scene_of, task_name

# Dask cuts names after 50 characters.
scenes = st.text(min_size=1, max_size=40)


@given(scenes)
def test_a_scene_is_read_from_the_key_that_dask_makes_of_its_name(scene: str) -> None:
    def same(part: list[int]) -> list[int]:
        return part

    same.__name__ = task_name(scene)
    bag = dask.bag.from_sequence([1, 2], npartitions=2).map_partitions(same)
    assert [scene_of(key) for key in bag.__dask_keys__()] == [scene, scene]


@pytest.mark.parametrize("key", ["refine-room-0a1b", ("from_sequence-0a1b", 0), ("refine", 0), 7])
def test_other_tasks_have_no_scene(key: object) -> None:
    assert scene_of(key) is None
