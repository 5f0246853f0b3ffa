"""Fixes as true maps; scores against them are in test_scoring.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.config import DataConfig
from pipeline.evaluation.truth import TrueMap, find_fixes
from tests.fixing import fix_frame
from tests.refined import refine_by_hand
from tests.scans import blobs, write_scans


def test_the_fixes_of_frames_are_found_in_their_order(tmp_path: Path) -> None:
    maps = {scene: [blobs(seed=n) for n in range(3)] for scene in "ab"}
    made = refine_by_hand(write_scans(tmp_path, maps))
    fixed = [made.frames[k] for k in (1, 2, 4)]
    for number, frame in enumerate(fixed, start=5):
        fix_frame(made.layout, frame, np.full((12, 17), number))
    found = find_fixes(made.layout, made.frames)
    assert [*found] == fixed
    assert [true.read(DataConfig(), None)[0, 0] for true in found.values()] == [5, 6, 7]
    assert [*find_fixes(made.layout, made.frames[3:])] == fixed[2:]


def test_settings_of_the_input_shape_other_truths_and_no_fix(tmp_path: Path) -> None:
    path = tmp_path / "ids.npy"
    np.save(path, np.full((2, 3), 4, np.int16))
    void = DataConfig(void=(4,))
    assert not TrueMap(path).read(void, None).any()
    assert np.all(TrueMap(path, is_fix=True).read(void, None) == 4)
    assert (TrueMap(path).unnumbered, TrueMap(path, is_fix=True).unnumbered) == ([path], [])
