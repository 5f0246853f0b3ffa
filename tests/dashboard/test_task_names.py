from __future__ import annotations

import dask.bag
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dashboard.task_names import FIRST, SECOND, scene_of, task_name

# Dask cuts names after 50 characters.
scenes = st.text(min_size=1, max_size=40)


@pytest.mark.parametrize("of_pass", [FIRST, SECOND])
@given(scene=scenes)
def test_a_scene_is_read_from_the_key_that_dask_makes_of_its_name(scene: str, of_pass: str) -> None:
    def same(part: list[int]) -> list[int]:
        return part

    same.__name__ = task_name(scene, of_pass)
    bag = dask.bag.from_sequence([1, 2], npartitions=2).map_partitions(same)
    assert [scene_of(key) for key in bag.__dask_keys__()] == [scene, scene]
    assert all(key[0].startswith(f"{of_pass}-") for key in bag.__dask_keys__())


@pytest.mark.parametrize("key", ["refine-room-0a1b", ("from_sequence-0a1b", 0), ("refine", 0), 7])
def test_other_tasks_have_no_scene(key: object) -> None:
    assert scene_of(key) is None
