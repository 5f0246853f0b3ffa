"""Neighbours are frames that see the same things, from both sides in time, the same every time."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import DataConfig, OutputConfig
from pipeline.config.settings import SceneConfig
from pipeline.dataset import Layout, SceneNeighbours, find_neighbours
from pipeline.dataset.camera_files import cameras_as_json
from pipeline.errors import CameraError
from pipeline.records import FrameRef
from tests.dataset.drawn_cameras import cameras, level_camera

FRAMES = [FrameRef("s", f"{n}.jpg", f"{n}.pth") for n in range(14)]


def numbers(neighbours: SceneNeighbours, place: int) -> list[int]:
    return [int(each.image.removesuffix(".jpg")) for each in neighbours.of(FRAMES[place])]


def choose(cameras_by_place, settings: SceneConfig | None = None, n_frames: int = 14):
    by_name = {FRAMES[place].image: camera for place, camera in cameras_by_place.items()}
    return SceneNeighbours(FRAMES[:n_frames], by_name, settings or SceneConfig())


def test_without_cameras_the_nearest_in_time_are_chosen_from_both_sides() -> None:
    neighbours = choose({})
    assert neighbours.n_cameras == 0
    # Names count as numbers do: 10.jpg comes after 9.jpg, not after 1.jpg.
    assert numbers(neighbours, 9) == [8, 10, 7, 11]
    assert numbers(neighbours, 0) == [1, 2, 3, 4]
    assert numbers(neighbours, 13) == [12, 11, 10, 9]
    assert numbers(neighbours, 1) == [0, 2, 3, 4]
    assert numbers(choose({}, SceneConfig(neighbours=1)), 5) == [4]
    assert numbers(choose({}, SceneConfig(neighbours=3)), 5) == [4, 6, 3]
    assert numbers(choose({}, SceneConfig(window=1)), 5) == [4, 6]
    assert numbers(choose({}, n_frames=2), 1) == [0]
    assert numbers(choose({}, n_frames=1), 0) == []
    assert SceneNeighbours([], {}, SceneConfig()).frames == []


def test_of_some_frames_the_nearest_before_and_after_are_found() -> None:
    neighbours = choose({}, SceneConfig(window=3))
    frames = neighbours.frames
    some = {frames[place].image for place in (1, 2, 4, 7, 8)}
    near = {place: neighbours.nearest(frames[place], some) for place in (0, 3, 4, 5, 12)}
    assert near == {
        0: (frames[1],),
        3: (frames[2], frames[4]),
        4: (frames[2], frames[7]),
        5: (frames[4], frames[7]),
        12: (),
    }
    sides = [FrameRef("s", f"{side}/{n}.jpg", "") for side in ("left", "right") for n in (0, 1)]
    images = {frame.image for frame in sides}
    assert SceneNeighbours(sides, {}, SceneConfig()).nearest(sides[1], images) == (sides[0],)


def test_frames_of_two_folders_are_not_near_in_time() -> None:
    frames = [FrameRef("s", f"{side}/{n}.jpg", "") for side in ("left", "right") for n in (0, 1)]
    neighbours = SceneNeighbours(frames, {}, SceneConfig())
    assert [neighbours.of(frame) for frame in frames] == [
        (frames[1],),
        (frames[0],),
        (frames[3],),
        (frames[2],),
    ]
    same = {frame.image: level_camera() for frame in frames}
    assert len(SceneNeighbours(frames, same, SceneConfig()).of(frames[0])) == 3


def test_with_cameras_the_frames_count_that_see_the_same() -> None:
    # The camera looks away in frames 4 and 6, and is carried off in frame 7.
    path = {place: level_camera(x=0.05 * place) for place in range(14)}
    path |= {4: level_camera(turn=np.pi), 6: level_camera(turn=1.5), 7: level_camera(x=50)}
    neighbours = choose(path)
    assert neighbours.n_cameras == 14
    assert numbers(neighbours, 5) == [3, 2, 8, 9]
    assert numbers(neighbours, 4) == numbers(neighbours, 7) == []
    # Near in space counts, not near in time.
    path = {place: level_camera(x=0.3 * ((5 * place) % 14)) for place in range(14)}
    assert numbers(choose(path), 5)[0] in (2, 8)


def test_a_side_that_sees_less_still_gives_its_half() -> None:
    path = {place: level_camera(x=0.01 * place if place <= 6 else 0.6) for place in range(14)}
    assert sorted(numbers(choose(path), 6)) == [4, 5, 7, 8]
    only_before = {**path, **{place: level_camera(x=90) for place in range(7, 14)}}
    assert numbers(choose(only_before), 6) == [5, 4, 3, 2]


def test_frames_without_a_camera_go_by_time_and_come_last() -> None:
    path = {place: level_camera(x=0.1 * place) for place in range(14) if place not in (5, 8)}
    neighbours = choose(path)
    assert neighbours.n_cameras == 12
    assert numbers(neighbours, 5) == [4, 6, 3, 7]
    assert 5 not in numbers(neighbours, 6)
    alone = choose({6: level_camera()})
    assert numbers(alone, 6) == [5, 7, 4, 8]


@given(
    st.lists(st.none() | cameras(), max_size=14),
    st.integers(1, 6),
    st.integers(1, 20),
    st.randoms(use_true_random=False),
)
def test_a_choice_depends_on_the_frames_around_and_on_nothing_else(
    drawn, n_neighbours, window, shuffler: random.Random
) -> None:
    frames = FRAMES[: len(drawn)]
    known = {f.image: c for f, c in zip(frames, drawn, strict=True) if c}
    settings = SceneConfig(neighbours=n_neighbours, window=window)
    chosen = SceneNeighbours(frames, known, settings)
    shuffled = SceneNeighbours(shuffler.sample(frames, len(frames)), known, settings)
    for place, frame in enumerate(frames):
        found = chosen.of(frame)
        assert shuffled.of(frame) == found
        assert len({*found}) == len(found) <= n_neighbours
        assert frame not in found
        offsets = [frames.index(each) - place for each in found]
        assert all(abs(offset) <= window for offset in offsets)
        around = frames[max(0, place - window) : place + window + 1]
        assert SceneNeighbours(around, known, settings).of(frame) == found


def test_long_scenes_are_chosen_as_short_ones_are() -> None:
    frames = [FrameRef("s", f"{n}.jpg", "") for n in range(1500)]
    turns = np.cumsum(np.random.default_rng(0).normal(0, 0.3, 1500))
    path = {f.image: level_camera(turn=turn) for f, turn in zip(frames, turns, strict=True)}
    settings = SceneConfig()
    whole = SceneNeighbours(frames, path, settings)
    for place in (0, 503, 511, 512, 520, 1030, 1499):
        around = frames[max(0, place - 8) : place + 9]
        part = SceneNeighbours(around, path, settings)
        assert part.of(frames[place]) == whole.of(frames[place])
        assert place == 0 or whole.of(frames[place])


def test_an_unknown_frame_is_an_error() -> None:
    with pytest.raises(KeyError):
        choose({}).of(FrameRef("s", "99.jpg", ""))


def test_the_scale_of_a_scene_is_taken_from_its_depth(tmp_path: Path) -> None:
    layout = Layout(tmp_path, DataConfig(), OutputConfig())
    layout.depth_folder("s", "depth").mkdir(parents=True)
    # From the air, steps of ten metres are small.
    flight = {frame.image: level_camera(x=10.0 * place) for place, frame in enumerate(FRAMES)}
    poses = layout.poses_path("s", "poses.json")
    poses.write_text(cameras_as_json(flight))
    assert find_neighbours(layout, FRAMES, SceneConfig()).of(FRAMES[5]) == ()
    np.save(layout.depth_folder("s", "depth") / "0.npy", np.full((30, 40), 100.0))
    near = (FRAMES[4], FRAMES[6], FRAMES[3], FRAMES[7])
    assert find_neighbours(layout, FRAMES, SceneConfig()).of(FRAMES[5]) == near
    poses.write_text("{}")
    with pytest.raises(CameraError):
        find_neighbours(layout, FRAMES, SceneConfig())
    assert find_neighbours(layout, FRAMES, SceneConfig(poses=None)).of(FRAMES[5]) == near
    assert find_neighbours(layout, [], SceneConfig()).frames == []
