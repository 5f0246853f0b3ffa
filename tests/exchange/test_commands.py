"""The commands `export` and `import`: exit codes and output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli import main as command_line
from pipeline.dataset import discover
from pipeline.dataset.fixes import read_fix
from pipeline.errors import ConfigError
from pipeline.record.opening import open_dataset
from tests.scans import blobs, imported, write_scans


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_scans(tmp_path / "scans", {"a": [blobs(seed=n) for n in range(2)]})


def call(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(command_line, [str(word) for word in words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_there_and_back(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text = call("export", root, "--to", "cvat", "--ids", "coarse", "--out", out)
    assert code == 0
    assert "2 frame(s) of 1 scene(s)" in text
    code, text = call("import", root, out, "--from", "cvat", "--into", "fixed")
    assert code == 0
    assert "2 map(s) written" in text
    assert np.array_equal(imported(root, "a", 1, "fixed"), blobs(seed=1))


def test_what_was_left_out_is_exit_code_1(root: Path, tmp_path: Path) -> None:
    (root / "a" / "obj_ids" / "frame_000000.png.npy").write_bytes(b"torn")
    out = tmp_path / "out"
    words = ("export", root, "--to", "davis", "--ids", "coarse", "--out", out)
    for _ in range(2):
        code, text = call(*words)
        assert code == 1
        assert "left out, without usable ids: 1" in text
    (out / "Annotations" / "a" / "other.png").write_bytes(
        (out / "Annotations" / "a" / "frame_000001.png").read_bytes()
    )
    code, text = call("import", root, out, "--from", "labels", "--into", "fixed")
    assert code == 1
    assert "a/other" in text


def test_settings_of_the_command_line_count(root: Path, tmp_path: Path) -> None:
    (root / "a" / "obj_ids").rename(root / "a" / "mesh")
    words = ("export", root, "--to", "davis", "--ids", "coarse", "--out", tmp_path / "out")
    assert call(*words, "--set", "data.ids_dir=mesh")[0] == 0
    with pytest.raises(ConfigError, match="unknown setting"):
        call(*words, "--set", "data.idsdir=mesh")


def test_fixes_made_elsewhere_come_in(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call("export", root, "--to", "davis", "--ids", "coarse", "--out", out)
    words = ("import", root, out, "--from", "labels", "--as-fixes")
    code, text = call(*words, "--author", "Zoë")
    assert code == 0
    assert "2 map(s) written" in text
    assert f"maps: {root}/<scene>/obj_ids_fixed" in text
    layout = open_dataset(root).layout
    fixes = [read_fix(layout, frame) for frame in discover(root).frames]
    assert [fix.author for fix in fixes if fix] == ["Zoë", "Zoë"]
    assert call(*words, "--into", "elsewhere")[0] == 2
    assert call(*words[:-1], "--author", "Zoë")[0] == 2
