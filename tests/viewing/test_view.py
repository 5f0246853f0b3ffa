from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import pipeline
from pipeline.errors import ConfigError, DatasetError


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
