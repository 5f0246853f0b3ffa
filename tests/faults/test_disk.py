"""Full disks, and folders that cannot be read or written."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client

import pipeline
from pipeline.errors import StorageError
from tests.faults import steered
from tests.faults.conftest import SETTINGS, MakeFrames, Start, nothing_is_torn

LARGE = (300, 300)
"""Results of this size take 180 kB."""

MODEL = {"model": {"name": "demo"}}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder that holds one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("nothing can be mounted here; the limit on file sizes below stands in")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_run_at_once_and_a_later_run_completes(
    make_frames: MakeFrames, cluster: Client, small_disk: Path
) -> None:
    root = make_frames([steered.CALM] * 24, size=LARGE)
    settings = {**MODEL, "run": {"partition_size": 2}, "output": {"root": small_disk}}
    with pytest.raises(StorageError, match=r"[Nn]o space left.*Make room"):
        pipeline.refine_dataset(root, settings, cluster)
    assert 0 < len(list(small_disk.glob("*/obj_ids_refine/*"))) < 8
    assert nothing_is_torn(small_disk)
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    summary = pipeline.refine_dataset(root, settings, cluster)
    assert summary.complete
    assert summary.processed < 24
    assert nothing_is_torn(small_disk)


def limit_file_size(cluster: Client, size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    cluster.run(resource.setrlimit, resource.RLIMIT_FSIZE, (size, hard))


def test_a_limit_on_file_sizes_stops_the_run_and_a_later_run_completes(
    make_frames: MakeFrames, cluster: Client
) -> None:
    root = make_frames([steered.CALM] * 8, size=LARGE)
    limit_file_size(cluster, 50_000)
    try:
        with pytest.raises(StorageError, match=r"file too large.*Make room"):
            pipeline.refine_dataset(root, MODEL, cluster)
    finally:
        limit_file_size(cluster, resource.RLIM_INFINITY)
    assert not list(root.glob("*/obj_ids_refine/*"))
    assert pipeline.refine_dataset(root, MODEL, cluster).complete


def as_anybody() -> tuple[str, ...]:
    """Return the prefix of a command that makes permissions hold for it, even for root."""
    if os.geteuid():
        return ()
    if not shutil.which("setpriv"):
        pytest.skip("root may read everything, and there is no setpriv to stop it")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.fixture
def modes() -> Iterator[dict[Path, int]]:
    """Yield a dictionary of paths to permissions that are restored at the end."""
    changed: dict[Path, int] = {}
    yield changed
    for path, mode in changed.items():
        path.chmod(mode)


def test_what_cannot_be_read_or_written_is_on_record_and_the_rest_done(
    make_frames: MakeFrames, start: Start, modes: dict[Path, int]
) -> None:
    for scene in ("hidden", "locked", "open"):
        root = make_frames([steered.CALM] * 2, scene)
    (root / "locked" / "obj_ids_refine").mkdir()
    for path, mode in (
        (root / "hidden" / "images", 0o000),
        (root / "locked" / "obj_ids_refine", 0o555),
        (root / "open" / "images" / "frame_000001.png", 0o000),
    ):
        modes[path] = path.stat().st_mode
        path.chmod(mode)
    command = start("run", root, *SETTINGS, prefix=as_anybody())
    out, err = command.communicate(timeout=300)
    assert command.returncode == 1, err
    assert "total: 1/4 ok" in out
    assert "input, unreadable folder: 1\n  hidden: permission denied" in out
    assert "failed, write: result: permission denied: 2\n  locked/frame_00000" in out
    assert "failed, read: image: permission denied: 1\n  open/frame_000001.png: " in out
    assert "permission denied" in out
    assert "Traceback" not in out + err


def test_a_data_root_that_cannot_be_written_stops_the_run_at_once(
    make_frames: MakeFrames, start: Start, modes: dict[Path, int]
) -> None:
    root = make_frames([steered.CALM])
    modes[root] = root.stat().st_mode
    root.chmod(0o555)
    command = start("run", root, *SETTINGS, prefix=as_anybody())
    _, err = command.communicate(timeout=300)
    assert command.returncode == 3
    assert f"{root / 'autorefiner'}" in err
    assert "Permission denied" in err
    assert "output.root" in err
    assert "Traceback" not in err
