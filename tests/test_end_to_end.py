"""The command as a user starts it: with photographs, SAM 2 and a cluster of processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.refined import open_results

REPOSITORY = Path(__file__).parents[1]
DESK = REPOSITORY / "tests" / "data" / "desk"

pytestmark = pytest.mark.slow

SETTINGS = ("--config", "configs/demo.yaml", "--set", "cluster.kind=cpu")
MIRROR = ("--set", "output.mirror=true")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a data root with one scene whose coarse ids are in both kinds of container."""
    root = tmp_path / "scans"
    scene = root / "scene_0000"
    for folder in ("images", "gt_ids"):
        shutil.copytree(DESK / folder, scene / folder)
    (scene / "obj_ids").mkdir()
    for number, file in enumerate(sorted((DESK / "obj_ids").iterdir())):
        ids = np.asarray(Image.open(file)).astype(np.int32)
        target = scene / "obj_ids" / f"{file.stem}.pth"
        torch.save(ids if number % 2 else torch.from_numpy(ids), target)
    return root


def autorefiner(*words: object, command: str = "run") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", command, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=500,
        check=False,
    )


def results(root: Path) -> dict[str, bytes]:
    files = sorted(root.glob("*/obj_ids_refine/*"))
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


def test_ten_of_ten_every_id_kept_and_the_same_bytes_on_one_worker_or_two(
    desk: Path, tmp_path: Path
) -> None:
    done = autorefiner("--data_root", desk, *SETTINGS, *MIRROR)
    assert done.returncode == 0, done.stderr
    assert "10/10 ok" in done.stdout
    assert "SAM matched" in done.stdout
    assert "dashboard: http" in done.stderr
    assert "Traceback" not in done.stderr
    for image in sorted((desk / "scene_0000" / "images").iterdir()):
        refined = torch.load(
            desk / "scene_0000" / "obj_ids_refine" / f"{image.name}.pth", weights_only=True
        )
        coarse = np.asarray(Image.open(DESK / "obj_ids" / f"{image.name}.png"))
        assert refined.dtype == torch.uint16
        assert refined.shape == (480, 640)
        assert set(refined.int().unique().tolist()) - {0} == set(np.unique(coarse)) - {0}
    assert open_results(desk).agrees()
    summary = json.loads((desk / "autorefiner" / "summary.json").read_text())
    assert summary["complete"]
    assert summary["total"]["frames"] == 10

    alone = tmp_path / "alone"
    again = autorefiner(
        desk, *SETTINGS, "--set", "cluster.workers=1", "--set", f"output.root={alone}"
    )
    assert again.returncode == 0, again.stderr
    assert results(alone) == results(desk)

    scores = autorefiner(desk, command="evaluate")
    assert scores.returncode == 0, scores.stderr
    assert "coarse" in scores.stdout


def test_the_driver_of_a_run_loads_no_torch(make_dataset: Callable[..., Path]) -> None:
    words = ["autorefiner", "run", str(make_dataset(scenes=1, frames=2)), *SETTINGS]
    probe = (
        f"import sys; sys.argv = {words}\n"
        "if __name__ == '__main__':\n"
        "    from pipeline.cli import entry_point\n"
        "    try: entry_point()\n"
        "    finally: print('HEAVY', {'torch', 'sam2'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert "2/2 ok" in done.stdout
    assert "HEAVY set()" in done.stdout


def test_a_run_killed_half_way_goes_on_as_if_never_killed(desk: Path, tmp_path: Path) -> None:
    words = [
        desk,
        *SETTINGS,
        *MIRROR,
        "--set",
        "run.partition_size=1",
        "--set",
        "cluster.workers=1",
    ]
    killed = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=REPOSITORY,
    )
    deadline = time.monotonic() + 200
    while len(results(desk)) < 3:
        assert killed.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    time.sleep(3)  # Until the workers notice that their driver is gone and end.
    before = {file: file.stat().st_mtime_ns for file in desk.glob("*/obj_ids_refine/*.pth")}
    assert 3 <= len(before) < 10
    done = autorefiner(*words)
    assert done.returncode == 0, done.stderr
    assert "10/10 ok" in done.stdout
    assert all(file.stat().st_mtime_ns == stamp for file, stamp in before.items())
    assert f"this run: {10 - len(before)} frame(s)" in done.stdout
    assert open_results(desk).agrees()

    checked = autorefiner(desk, "--check", "--set", "cluster.kind=cpu", command="mirror")
    assert checked.returncode == 0, checked.stderr
    assert "10 agree with their results" in checked.stdout

    undisturbed = tmp_path / "undisturbed"
    autorefiner(*words, "--set", f"output.root={undisturbed}")
    assert results(undisturbed) == results(desk)


class Gadget:
    """An object that makes a folder when unpickled."""

    def __init__(self, *args: str) -> None:
        self.args = args

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, self.args


def test_ids_of_another_image_are_suspicious_and_bad_files_on_record(tmp_path: Path) -> None:
    root = tmp_path / "rooms"
    made = autorefiner(
        root, "--scenes", 2, "--frames", 4, "--size", 320, 240, "--seed", 7000, command="demo"
    )
    assert made.returncode == 0, made.stderr
    first, second = (root / f"scene_000{n}" / "obj_ids" / "frame_000001.jpg.pth" for n in range(2))
    swapped = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(swapped)
    torch.save(Gadget(str(tmp_path / "run")), first.with_name("frame_000002.jpg.pth"))
    torn = root / "scene_0001" / "images" / "frame_000003.jpg"
    torn.write_bytes(torn.read_bytes()[:2000])
    done = autorefiner(root, *SETTINGS)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
    summary = json.loads((root / "autorefiner" / "summary.json").read_text())
    assert (summary["total"]["done"], summary["total"]["failed"]) == (6, 2)
    assert summary["suspicious"]["count"] == 2
    for scene in ("scene_0000", "scene_0001"):
        assert f"  {scene}/frame_000001.jpg: image support " in done.stdout
    assert "scene_0000/frame_000002.jpg: " in done.stdout
    assert "mkdir' (it was not run)" in done.stdout
    assert "scene_0001/frame_000003.jpg: " in done.stdout
    assert "found a damaged image" in done.stdout
    assert len(results(root)) == 6
