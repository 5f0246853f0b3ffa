from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pipeline.errors import OutputInUse, StorageError
from pipeline.record.lock import SECONDS_FRESH, _this_process, hold_output, read_holder

FILE_NAME = "run.lock"
HOLD = """
import sys, time
from pathlib import Path
from pipeline.record.lock import hold_output
with hold_output(Path(sys.argv[1]) / "run.lock"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield another process that holds the lock of the folder."""
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture
def _no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `flock` fail as on a file system without locks."""

    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)


def leave_note(folder: Path, **changes: object) -> None:
    note = asdict(replace(_this_process(), **changes))  # type: ignore[arg-type]
    (folder / FILE_NAME).write_text(json.dumps(note))


def test_a_second_run_is_told_who_holds_the_output(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    said = rf"process {other.pid} of .* on .*output\.root of its own"
    with pytest.raises(OutputInUse, match=said), hold_output(tmp_path / FILE_NAME):
        pass
    holder = read_holder(tmp_path / FILE_NAME)
    assert holder
    assert holder.pid == other.pid


@pytest.mark.usefixtures("_no_locks")
def test_a_second_run_is_told_also_where_no_locks_are(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    with (
        pytest.raises(OutputInUse, match=f"process {other.pid} of"),
        hold_output(tmp_path / FILE_NAME),
    ):
        pass


def test_a_process_that_was_killed_is_not_in_the_way(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    other.kill()
    other.wait()
    assert (tmp_path / FILE_NAME).read_text()
    assert read_holder(tmp_path / FILE_NAME) is None
    with hold_output(tmp_path / FILE_NAME):
        assert json.loads((tmp_path / FILE_NAME).read_text())["pid"] == os.getpid()


@pytest.mark.usefixtures("_no_locks")
@pytest.mark.parametrize("changes", [{"pid": 2**22 - 1}, {"started": 1.0}])
def test_neither_is_one_whose_pid_is_gone_or_another_process_now(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    leave_note(tmp_path, **changes)
    with hold_output(tmp_path / FILE_NAME):
        pass


def test_another_machine_counts_while_its_note_is_fresh(tmp_path: Path) -> None:
    leave_note(tmp_path, host="node7")
    with pytest.raises(OutputInUse, match="on node7"), hold_output(tmp_path / FILE_NAME):
        pass
    long_ago = time.time() - SECONDS_FRESH - 1
    os.utime(tmp_path / FILE_NAME, (long_ago, long_ago))
    with hold_output(tmp_path / FILE_NAME):
        pass


def test_the_note_is_renewed_while_the_output_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.record.lock.SECONDS_BETWEEN_SIGNS", 0.01)
    with hold_output(tmp_path / FILE_NAME):
        os.utime(tmp_path / FILE_NAME, (1, 1))
        deadline = time.monotonic() + 10
        while (tmp_path / FILE_NAME).stat().st_mtime < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_one_process_holds_it_once(tmp_path: Path) -> None:
    with hold_output(tmp_path / FILE_NAME):
        with pytest.raises(OutputInUse), hold_output(tmp_path / FILE_NAME):
            pass
        assert read_holder(tmp_path / FILE_NAME) is None  # nobody else
    with hold_output(tmp_path / FILE_NAME):
        pass


def test_garbage_in_the_note_is_no_holder(tmp_path: Path) -> None:
    for garbage in ("", "{", "[1]", '{"pid": 1}', "\0" * 5000):
        (tmp_path / FILE_NAME).write_text(garbage)
        assert read_holder(tmp_path / FILE_NAME) is None
        with hold_output(tmp_path / FILE_NAME):
            pass


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    record = tmp_path / "record"
    record.mkdir()
    (record / FILE_NAME).symlink_to(precious)
    with pytest.raises(StorageError, match="found a link"), hold_output(record / FILE_NAME):
        pass
    assert precious.read_text() == "mine"
