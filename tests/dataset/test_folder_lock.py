"""The lock of a folder keeps other processes out, and is gone with the process that held it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.dataset import folder_lock
from pipeline.dataset.folder_lock import LOCK_NAME, hold_folder
from pipeline.errors import StorageError

HOLD = """
import sys, time
from pathlib import Path
from pipeline.dataset.folder_lock import hold_folder
with hold_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_waits_until_the_holder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_lock, "SECONDS_TO_WAIT", 0.1)
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match="another process holds"), hold_folder(tmp_path):
            pass
        holder.kill()
        holder.wait()
        with hold_folder(tmp_path):
            pass


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    with hold_folder(tmp_path / "new" / "folder"):
        pass
    with hold_folder(tmp_path / "new" / "folder"):
        pass


def test_a_link_as_the_lock_file_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / LOCK_NAME).symlink_to(target)
    with pytest.raises(StorageError, match=LOCK_NAME), hold_folder(tmp_path / "folder"):
        pass
    assert target.read_text() == "kept"
