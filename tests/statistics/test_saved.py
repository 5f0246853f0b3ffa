from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, StorageError
from pipeline.statistics.saved import find_tables, save_tables
from pipeline.statistics.tables import make_tables

HOSTILE = 'a,"b"\nc\r<script>'
TABLES = {
    "frames": {"scene": ["room", HOSTILE], "frame": ["0.jpg", "1.jpg"], "invalid_ratio": [0.5, 0.1]}
}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_was_saved_is_read_again_in_either_form(tmp_path: Path, form: str) -> None:
    save_tables(TABLES, tmp_path, form)
    found = find_tables(tmp_path)
    assert found is not None
    rows = [
        (float(share), scene) for share, scene in found.rows("frames", "invalid_ratio", "scene")
    ]
    assert rows == [(0.5, "room"), (0.1, HOSTILE)]


def test_a_name_that_is_no_text_needs_csv(tmp_path: Path) -> None:
    tables = {"frames": {"scene": ["room\udce9"], "frame": ["0.jpg"]}}
    save_tables(tables, tmp_path, "csv")
    found = find_tables(tmp_path)
    assert found is not None
    assert list(found.rows("frames", "scene", "frame")) == [("room\udce9", "0.jpg")]
    with pytest.raises(StorageError, match=r"frames\.parquet: found the name .* Take CSV"):
        save_tables(tables, tmp_path, "parquet")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_data_set_without_scenes_has_empty_tables(tmp_path: Path, form: str) -> None:
    save_tables(make_tables([]), tmp_path, form)
    found = find_tables(tmp_path)
    assert found is not None
    assert list(found.rows("gaps", "scene", "id")) == []


def test_the_newer_form_counts(tmp_path: Path) -> None:
    assert find_tables(tmp_path) is None
    for form, made in (("csv", 200), ("parquet", 100)):
        save_tables(TABLES, tmp_path, form)
        os.utime(tmp_path / f"frames.{form}", ns=(made, made))
    found = find_tables(tmp_path)
    assert found is not None
    assert (found.form, found.made) == ("csv", 200)
    os.utime(tmp_path / "frames.parquet", ns=(300, 300))
    found = find_tables(tmp_path)
    assert found is not None
    assert found.form == "parquet"


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("harm", ["gone", "column", "torn", "empty"])
def test_tables_that_cannot_be_read_are_named(tmp_path: Path, form: str, harm: str) -> None:
    save_tables(TABLES, tmp_path, form)
    path, columns = tmp_path / f"frames.{form}", ("scene", "invalid_ratio")
    found = find_tables(tmp_path)
    assert found is not None
    if harm == "gone":
        path.unlink()
    elif harm == "column":
        columns = ("scene", "no such")
    elif harm == "torn":
        path.write_bytes(path.read_bytes()[:60])
    else:
        path.write_bytes(b"")
        if form == "csv":
            assert list(found.rows("frames", *columns)) == []
            return
    with pytest.raises(StorageError, match=rf"frames\.{form}: cannot be read as a table of frames"):
        list(found.rows("frames", *columns))


def test_without_pyarrow_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tables(TABLES, tmp_path, "parquet")
    found = find_tables(tmp_path)
    assert found is not None
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"autorefiner\[parquet\]"):
        list(found.rows("frames", "scene", "frame"))
    with pytest.raises(ConfigError, match=r"autorefiner\[parquet\]"):
        save_tables(TABLES, tmp_path, "parquet")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file/out"):
        save_tables(TABLES, tmp_path / "file" / "out", "csv")
