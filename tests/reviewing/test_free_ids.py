"""Free ids are those that no frame of the scene has, coarse or fixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.authorship import time_now
from pipeline.dataset.fixes import Fix, write_fix
from pipeline.reviewing.areas import TooMuch
from pipeline.reviewing.free_ids import FreeIds
from tests.refined import open_results
from tests.scans import write_scans


def map_of(*ids: int) -> np.ndarray:
    return np.array([ids], np.int32)


def test_ids_of_all_frames_and_fixes_are_taken(tmp_path: Path) -> None:
    maps = {"room": [map_of(0, 3), map_of(7, 7)], "hall": [map_of(900, 0)]}
    made = open_results(write_scans(tmp_path, maps))
    room = [frame for frame in made.frames if frame.scene == "room"]
    fix = Fix(np.array([[40, 3]], np.uint16), "Ada", time_now(), "0" * 32)
    write_fix(made.layout, room[1], fix, None)
    free = FreeIds(made.layout)
    assert free.give("room", room) == [41]
    assert free.give("room", room, 2) == [42, 43]
    assert free.give("hall", [frame for frame in made.frames if frame.scene == "hall"]) == [901]


def test_gaps_are_used_once_the_largest_id_is_there(tmp_path: Path) -> None:
    made = open_results(write_scans(tmp_path, {"room": [map_of(1, 2, 4, 65_535)]}))
    free = FreeIds(made.layout)
    assert free.give("room", made.frames, 2) == [3, 5]
    with pytest.raises(TooMuch, match="found no 70000 free ids"):
        free.give("room", made.frames, 70_000)


def test_a_frame_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    made = open_results(write_scans(tmp_path, {"room": [map_of(8, 0), map_of(5, 0)]}))
    made.layout.ids_path(made.frames[0]).write_bytes(b"torn")
    assert FreeIds(made.layout).give("room", made.frames) == [6]
