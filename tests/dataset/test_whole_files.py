from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.dataset.whole_files import beside, moved_into_place, write_streaming, write_whole
from pipeline.errors import StorageError


def test_a_file_is_written_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.json"
    for content in (b"first", b"second"):
        write_whole(path, content)
        assert path.read_bytes() == content
        assert list(path.parent.iterdir()) == [path]


def test_chunks_that_fail_leave_the_file_that_was_there(tmp_path: Path) -> None:
    def fail_later() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("no more")

    path = tmp_path / "file"
    write_whole(path, b"whole")
    with pytest.raises(ValueError, match="no more"):
        write_streaming(path, fail_later())
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_written_through_a_link_beside_the_place(tmp_path: Path) -> None:
    precious, path = tmp_path / "precious", tmp_path / "file"
    precious.write_text("mine")
    beside(path).symlink_to(precious)
    write_whole(path, b"new")
    assert (precious.read_text(), path.read_bytes()) == ("mine", b"new")
    assert not path.is_symlink()


def test_of_several_files_none_is_moved_before_all_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / name for name in "abc"]
    flushed = []

    def fail_the_last(_: int) -> None:
        flushed.append([path.exists() for path in paths])
        if len(flushed) == len(paths):
            raise OSError("a full disk")

    def write_all() -> None:
        with moved_into_place({beside(path): path for path in paths}):
            for path in paths:
                beside(path).touch()

    monkeypatch.setattr(os, "fsync", fail_the_last)
    with pytest.raises(OSError, match="a full disk"):
        write_all()
    assert flushed == [[False] * 3] * 3
    assert list(tmp_path.iterdir()) == []


def test_an_error_names_the_file_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match=r"file/inside: found .*Make room, or name another"):
        write_whole(tmp_path / "file" / "inside", b"")
