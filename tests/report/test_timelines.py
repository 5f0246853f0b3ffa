"""The page's charts of objects over time, from tables as `autorefiner stats` saves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.drawing.palette import css_colour
from pipeline.errors import StorageError
from pipeline.report.charts import COLUMNS
from pipeline.report.timelines import MOST_NAMED, MOST_OBJECTS, Timelines, read_timelines
from pipeline.statistics.saved import find_tables, save_tables
from pipeline.statistics.scene import SceneStatistics

PIXELS = 1000


def scene(
    name: str, refined: Sequence[Sequence[int]], coarse: Sequence[Sequence[int]] | None = None
) -> SceneStatistics:
    """Return statistics from pixel counts (frames, objects); the ids are 1, 2, 3, …."""
    pixels = np.array(refined, np.int64)
    before = pixels if coarse is None else np.array(coarse, np.int64)
    return SceneStatistics(
        scene=name,
        frames=tuple(f"{number:05d}.jpg" for number in range(len(pixels))),
        frame_pixels=np.full(len(pixels), PIXELS),
        ids=np.arange(1, pixels.shape[1] + 1),
        pixels=pixels,
        coarse=before,
        kept=np.minimum(pixels, before),
    )


def saved(folder: Path, scenes: Sequence[SceneStatistics], form: str = "csv") -> None:
    save_tables(scenes, folder, form)


def read(folder: Path, most: int = 12) -> Timelines:
    tables = find_tables(folder)
    assert tables is not None
    return read_timelines(tables, most)


ROOM = scene(
    "room",
    [[500, 100, 0], [500, 0, 0], [900, 100, 0], [500, 0, 30], [250, 100, 30]],
    [[500, 100, 0], [500, 0, 0], [900, 100, 0], [500, 60, 30], [500, 100, 30]],
)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_scene_is_drawn_as_it_was_counted(tmp_path: Path, form: str) -> None:
    saved(tmp_path, [ROOM], form)
    timelines = read(tmp_path)
    assert (timelines.n_scenes, timelines.n_frames) == (1, 5)
    assert timelines.flicker == {("room", "00001.jpg"): 1, ("room", "00003.jpg"): 1}
    [room] = timelines.scenes
    assert (room.n_frames, room.n_objects, room.n_flickering) == (5, 3, 1)
    assert (room.first, room.last) == ("00000.jpg", "00004.jpg")
    assert room.invalid == pytest.approx(ROOM.invalid_ratio.mean())
    assert (room.highest, room.highest_at) == (pytest.approx(0.62), "00004.jpg")
    assert room.top == 1
    assert room.invalid_path.count("h") == 5
    assert room.agreement == pytest.approx(ROOM.agreement.mean())
    assert [line.id for line in room.lines] == [1, 2, 3]
    first, flickering, late = room.lines
    assert (first.there, first.lost, first.absent) == ("M0 6H5", "", "")
    assert flickering.there == "M0 18H1M2 18H3M4 18H5"
    assert (flickering.lost, flickering.absent) == ("M3 18H4", "M1 18H2")
    assert flickering.title == "2: in 3 of 5 frames, flickers 2 x"
    assert late.there == "M3 30H5"
    assert late.colour == css_colour(3)
    [flicker] = room.flicker
    assert (flicker.id, flicker.times, flicker.frames, flicker.lost) == (2, 2, 2, 1)
    assert flicker.where == "00001.jpg"
    assert [(found.id, found.iou) for found, _ in room.changed] == [
        (2, pytest.approx(300 / 360)),
        (1, pytest.approx(2650 / 2900)),
    ]
    assert room.changed[0][0].shares == pytest.approx((300 / 360, 60 / 360, 0))


@pytest.mark.slow
def test_a_scene_of_thousands_of_frames_and_hundreds_of_objects_stays_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    saved(tmp_path, [scene("hall", 3 * rng.integers(0, 2, (3000, 200)), np.ones((3000, 200)))])
    [hall] = read(tmp_path).scenes
    assert hall.columns == COLUMNS
    assert len(hall.lines) == MOST_OBJECTS
    assert (len(hall.flicker), len(hall.changed)) == (MOST_NAMED, MOST_NAMED)
    assert hall.n_flickering == 200
    drawn = [path for line in hall.lines for path in (line.there, line.lost, line.absent)]
    assert len(hall.invalid_path) <= 10 * COLUMNS
    assert max(map(len, drawn)) <= 7 * COLUMNS


def test_the_objects_that_flicker_are_drawn_first_then_the_largest(tmp_path: Path) -> None:
    pixels = np.arange(1, 81) * np.ones((6, 1), np.int64)
    pixels[2, 4] = 0
    saved(tmp_path, [scene("hall", pixels)])
    [hall] = read(tmp_path).scenes
    assert [line.id for line in hall.lines] == [5, *range(80 - MOST_OBJECTS + 2, 81)]


def test_scenes_are_chosen_by_turns_and_shown_by_name(tmp_path: Path) -> None:
    plain = [[900, 50]] * 4
    scenes = [scene(f"plain_{number}", plain) for number in range(6)]
    scenes += [
        scene("flickers", [[900, 50], [900, 0], [900, 50], [900, 50]]),
        scene("empty", [[100, 50]] * 4),
        scene("changed", plain, [[100, 800]] * 4),
        scene("nothing at all", np.zeros((4, 0))),
    ]
    saved(tmp_path, scenes)
    assert [shown.scene for shown in read(tmp_path, 3).scenes] == [
        "changed",
        "flickers",
        "nothing at all",
    ]
    assert [shown.scene for shown in read(tmp_path, 1).scenes] == ["flickers"]
    some = read(tmp_path, 5)
    assert {"changed", "flickers", "nothing at all", "empty"} < {one.scene for one in some.scenes}
    assert (len(some.scenes), some.n_scenes) == (5, 10)
    everything = read(tmp_path, 99).scenes
    assert [shown.scene for shown in everything] == sorted(one.scene for one in scenes)
    [nothing] = [shown for shown in everything if shown.scene == "nothing at all"]
    assert (nothing.lines, nothing.n_objects, nothing.invalid) == ((), 0, 1)


def test_tables_that_do_not_fit_together_are_named(tmp_path: Path) -> None:
    saved(tmp_path, [ROOM])
    spans = tmp_path / "spans.csv"
    for wrong in ("room,1,00000.jpg,elsewhere.jpg,2", "room,one,00000.jpg,00001.jpg,2"):
        spans.write_text(f"scene,id,first_frame,last_frame,frames\n{wrong}\n")
        with pytest.raises(StorageError, match=f"{tmp_path}: the tables do not fit together"):
            read(tmp_path)
    spans.unlink()
    with pytest.raises(StorageError, match=r"spans\.csv: cannot be read"):
        read(tmp_path)
