"""The command works in a folder with a file of the package's name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline

ROOT = Path(pipeline.__file__).parents[1]


def command(folder: Path, *first_on_path: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (*first_on_path, ROOT)))
    return subprocess.run(
        [sys.executable, "-c", "from autorefiner import main; main()", "--version"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["pipeline.py", "pipeline/__init__.py"])
def test_a_file_that_hides_the_package_is_named_and_never_run(tmp_path: Path, name: str) -> None:
    own = tmp_path / name
    own.parent.mkdir(exist_ok=True)
    own.write_text("print('I ran')")
    done = command(tmp_path, tmp_path)
    assert done.returncode == 2
    assert str(tmp_path / name.partition("/")[0]) in done.stderr
    assert "PYTHONPATH" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_file_in_the_working_directory_alone_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text("print('I ran')")
    done = command(tmp_path)
    assert done.returncode == 0
    assert "version" in done.stdout
    assert "I ran" not in done.stdout
