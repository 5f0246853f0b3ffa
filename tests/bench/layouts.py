"""The cost of a path pattern: `python -m tests.bench.layouts [FRAMES …]` prints a table of ratios.

The same empty files, linked into folders, are planned by the folder layout and by patterns in turn;
the fastest round of each counts, since other load only adds time.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FRAMES_A_SCENE = 1000
ROUNDS = 5

WAYS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "by folders": ("images/frame_{:06d}.jpg", "obj_ids/frame_{:06d}.jpg.pth", {}),
    "the same as patterns": (
        "images/frame_{:06d}.jpg",
        "obj_ids/frame_{:06d}.jpg.pth",
        {"images": "{scene}/images/{frame}", "ids": "{scene}/obj_ids/{frame}"},
    ),
    "scannetpp": (
        "dslr/resized_undistorted_images/DSC{:06d}.JPG",
        "obj_ids/DSC{:06d}.JPG.pth",
        {"layout": "scannetpp"},
    ),
    "with suffixes": (
        "images/frame_{:06d}.jpg",
        "obj_ids/frame_{:06d}.jpg.pth",
        {"images": "{scene}/images/{frame}.jpg", "ids": "{scene}/obj_ids/{frame}.jpg.pth"},
    ),
    "3rscan, one folder": (
        "sequence/frame-{:06d}.color.jpg",
        "sequence/frame-{:06d}.rendered.instances.png",
        {"layout": "3rscan"},
    ),
    "hypersim": (
        "images/scene_cam_00_final_preview/frame.{:04d}.tonemap.jpg",
        "images/scene_cam_00_geometry_hdf5/frame.{:04d}.semantic_instance.npy",
        {"layout": "hypersim"},
    ),
}


def make_data(root: Path, frames: int, image: str, ids: str) -> None:
    """Write scenes of empty files."""
    for number in range(frames):
        scene = f"{root}/scene_{number // FRAMES_A_SCENE:04d}"
        for name in (image, ids):
            path = f"{scene}/{name.format(number % FRAMES_A_SCENE)}"
            if number % FRAMES_A_SCENE == 0:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT))


def plan(root: Path, records: Path, data: dict[str, Any]) -> tuple[float, float]:
    """Discover and judge every frame; return the seconds of discovering, and of both."""
    from pipeline.config import load_config
    from pipeline.dataset import Layout, discover
    from pipeline.record.journal import open_journal, read_journal
    from pipeline.record.plan import judge_frames, make_plan
    from pipeline.record.tally import Tally

    config = load_config({"data": data, "output": {"root": str(records)}})
    start = time.process_time()
    layout = Layout(root, config.data, config.output)
    frames = discover(root, config.data).frames
    found = time.process_time() - start
    with (
        open_journal(layout.record.journal) as record,
        read_journal(layout.record.journal) as journal,
    ):
        judged = judge_frames(frames, journal, layout, "f00d")
        planned = make_plan(judged, "none", record, Tally())
    seconds = time.process_time() - start
    assert len(planned.todo) == len(frames) > 0
    return found, seconds


def main() -> None:
    """Print the table."""
    for frames in [int(word) for word in sys.argv[1:]] or [100_000]:
        with tempfile.TemporaryDirectory() as folder:
            roots = {way: Path(folder) / f"way_{n}" for n, way in enumerate(WAYS)}
            for way, (image, ids, _) in WAYS.items():
                make_data(roots[way], frames, image, ids)
            took: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
            for _ in range(ROUNDS):
                for way, (_, _, data) in WAYS.items():
                    took[way].append(plan(roots[way], Path(folder) / "records", data))
            base = [min(times) for times in zip(*took["by folders"], strict=True)]
            print(
                "| frames | layout | discover | ratio | plan | ratio |\n|---|---|---|---|---|---|"
            )
            for way, times in took.items():
                found, planned = (min(each) for each in zip(*times, strict=True))
                print(
                    f"| {frames} | {way} | {found:.2f} s | {found / base[0]:.2f} | "
                    f"{planned:.2f} s | {planned / base[1]:.2f} |"
                )


if __name__ == "__main__":
    main()
