"""HDF5 files are read in a separate process, which may crash or hang."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.dataset import read_ids
from pipeline.dataset.formats import hdf5
from pipeline.errors import ConfigError, IdMapError

IDS = np.arange(1, 13).reshape(3, 4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ids.h5"
    with h5py.File(path, "w") as file:
        file["ids"] = IDS
    return path


@pytest.fixture(autouse=True)
def _new_process() -> Iterator[None]:
    hdf5._READER.close()
    yield
    hdf5._READER.close()


def child() -> int:
    assert hdf5._READER._process is not None
    return hdf5._READER._process.pid


def test_one_process_reads_all_files(path: Path) -> None:
    np.testing.assert_array_equal(read_ids(path), IDS)
    first = child()
    for broken in (b"", path.read_bytes()[:-1]):
        path.with_name("broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + broken)
        with pytest.raises(IdMapError, match="a damaged HDF5 file"):
            read_ids(path.with_name("broken.h5"))
    np.testing.assert_array_equal(read_ids(path), IDS)
    assert child() == first


@pytest.mark.slow
def test_a_file_on_which_the_library_hangs_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_ids(path)
    stopped = child()
    os.kill(stopped, signal.SIGSTOP)
    monkeypatch.setattr(hdf5, "SECONDS", 0.2)
    with pytest.raises(IdMapError, match="hangs or crashes"):
        read_ids(path)
    monkeypatch.undo()
    np.testing.assert_array_equal(read_ids(path), IDS)
    assert child() != stopped


@pytest.mark.slow
def test_a_process_that_is_gone_is_no_fault_of_the_next_file(path: Path) -> None:
    read_ids(path)
    os.kill(child(), signal.SIGKILL)
    os.waitid(os.P_PID, child(), os.WEXITED | os.WNOWAIT)
    np.testing.assert_array_equal(read_ids(path), IDS)


def test_a_missing_library_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.packages.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"install autorefiner\[hdf5\]"):
        read_ids(path)


def test_a_library_that_does_not_load_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5, "_START", "import sys; sys.exit('broken')")
    with pytest.raises(ConfigError, match="h5py cannot be loaded"):
        read_ids(path)
