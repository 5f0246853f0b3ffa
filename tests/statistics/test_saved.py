from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ConfigError, StorageError
from pipeline.statistics.saved import find_tables, save_tables
from pipeline.statistics.scene import SceneStatistics

HOSTILE = 'a,"b"\nc\r<script>'


def scene(name: str = "room") -> SceneStatistics:
    """Return statistics of two frames; one object fills half of the first, all of the second."""
    pixels = np.array([[50], [100]])
    frames = ("0.jpg", "1.jpg")
    return SceneStatistics(name, frames, np.array([100, 100]), np.array([7]), *[pixels] * 3)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_was_saved_is_read_again_in_either_form(tmp_path: Path, form: str) -> None:
    save_tables([scene(), scene(HOSTILE)], tmp_path, form)
    found = find_tables(tmp_path)
    assert found is not None
    rows = [(float(share), name) for share, name in found.rows("frames", "invalid_ratio", "scene")]
    assert rows == [(0.5, "room"), (0, "room"), (0.5, HOSTILE), (0, HOSTILE)]
    assert list(found.rows("gaps", "scene", "id")) == []


def test_a_name_that_is_no_text_needs_csv(tmp_path: Path) -> None:
    save_tables([scene("room\udce9")], tmp_path, "csv")
    found = find_tables(tmp_path)
    assert found is not None
    assert next(found.rows("frames", "scene", "frame")) == ("room\udce9", "0.jpg")
    with pytest.raises(StorageError, match=r"frames\.parquet: found the name .* Take CSV"):
        save_tables([scene("room\udce9")], tmp_path, "parquet")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_counting_that_fails_leaves_the_tables_that_were_there(tmp_path: Path, form: str) -> None:
    def fail_later() -> Iterator[SceneStatistics]:
        yield scene("other")
        raise ValueError("a worker died")

    files = save_tables([scene()], tmp_path, form)
    before = [file.read_bytes() for file in files]
    with pytest.raises(ValueError, match="a worker died"):
        save_tables(fail_later(), tmp_path, form)
    assert [file.read_bytes() for file in files] == before
    assert sorted(tmp_path.iterdir()) == sorted(files)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_data_set_without_scenes_has_empty_tables(tmp_path: Path, form: str) -> None:
    save_tables([], tmp_path, form)
    found = find_tables(tmp_path)
    assert found is not None
    assert list(found.rows("gaps", "scene", "id")) == []


def test_the_newer_form_counts(tmp_path: Path) -> None:
    assert find_tables(tmp_path) is None
    for form, made in (("csv", 200), ("parquet", 100)):
        save_tables([scene()], tmp_path, form)
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
    save_tables([scene()], tmp_path, form)
    path, columns = tmp_path / f"frames.{form}", ("scene", "invalid_ratio")
    found = find_tables(tmp_path)
    assert found is not None
    if harm == "gone":
        path.unlink()
    elif harm == "column":
        columns = ("scene", "no such")
    elif harm == "torn":
        whole = path.read_bytes()
        path.write_bytes(whole[: whole.find(b"\n") + 6])  # CSV: cut in the first row
    else:
        path.write_bytes(b"")
    with pytest.raises(StorageError, match=rf"frames\.{form}: cannot be read as a table of frames"):
        list(found.rows("frames", *columns))


def test_without_pyarrow_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tables([scene()], tmp_path, "parquet")
    found = find_tables(tmp_path)
    assert found is not None
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"autorefiner\[parquet\]"):
        list(found.rows("frames", "scene", "frame"))
    with pytest.raises(ConfigError, match=r"autorefiner\[parquet\]"):
        save_tables([scene()], tmp_path, "parquet")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file/out"):
        save_tables([scene()], tmp_path / "file" / "out", "csv")
