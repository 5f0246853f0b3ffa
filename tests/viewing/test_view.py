from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pipeline
from pipeline.errors import ConfigError, DatasetError
from pipeline.viewing.layers import find_scene
from tests.fixing import fix_frame
from tests.refined import refine_by_hand
from tests.scans import blobs, write_scans


def test_a_viewer_that_is_not_there_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.viewing.view.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"no rerun or napari.*autorefiner\[rerun\]"):
        pipeline.view_scene("scans")
    with pytest.raises(ConfigError, match=r"autorefiner\[napari\]"):
        pipeline.view_scene("scans", viewer="napari")


def test_scenes_and_files_that_make_no_sense(
    make_dataset: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.viewing.view.find_spec", lambda _name: object())
    root = make_dataset()
    with pytest.raises(ConfigError, match="expected rerun"):
        pipeline.view_scene(root, viewer="napari", save="x.rrd")
    with pytest.raises(DatasetError, match="cellar"):
        pipeline.view_scene(root, "cellar", viewer="rerun")


def test_the_fix_of_a_frame_is_shown_as_its_refined_ids(tmp_path: Path) -> None:
    made = refine_by_hand(write_scans(tmp_path, {"a": [blobs(seed=1), blobs(seed=2)]}))
    fix_frame(made.layout, made.frames[1], np.full((12, 17), 9))
    layers = find_scene(made.layout, "a")
    np.testing.assert_array_equal(layers.labels("refined", 1), 9)
    np.testing.assert_array_equal(layers.labels("coarse", 1), blobs(seed=2))
    np.testing.assert_array_equal(layers.labels("refined", 0), blobs(seed=1))
