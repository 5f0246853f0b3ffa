"""Damaged and hostile cameras and depth images in one data set, in one run of two passes."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from distributed import Client
from PIL import Image

from pipeline.config import load_config
from pipeline.dataset import Layout
from pipeline.dataset.camera_files import cameras_as_json
from pipeline.record.tally import SHOWN_EXAMPLES
from tests.dataset import test_camera_files, test_depth
from tests.dataset.drawn_cameras import level_camera
from tests.proposers import refine_dataset, verify_dataset

BAD_CAMERAS, BAD_DEPTH = test_camera_files.BAD, test_depth.BAD
SETTINGS = {"scene": {"passes": 2, "neighbours": 2, "window": 1}, "report": {"at_end": False}}


def write_scene(root: Path, scene: str, n_frames: int) -> Path:
    """Write frames of one picture that moves a pixel a frame."""
    folder = root / scene
    (folder / "images").mkdir(parents=True)
    (folder / "obj_ids").mkdir()
    for number in range(n_frames):
        ids = np.zeros((24, 32), np.int32)
        ids[4:20, 5:15], ids[6:18, 16:28] = 3, 7
        ids = np.roll(ids, number % 3, axis=1)
        colours = np.array([[200, 200, 200], [180, 20, 20], [20, 20, 180]], np.uint8)
        Image.fromarray(colours[np.searchsorted([0, 3, 7], ids)]).save(
            folder / "images" / f"{number}.png"
        )
        np.save(folder / "obj_ids" / f"{number}.png.npy", ids)
    return folder


def files_of(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_bad_cameras_and_depth_cost_no_frame_and_are_named(
    tmp_path: Path, inside_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "scans"
    for number, (content, _) in enumerate(BAD_CAMERAS.values()):
        write_scene(root, f"cameras_{number:02d}", 2)
        (root / f"cameras_{number:02d}" / "poses.json").write_bytes(content)
    folder = write_scene(root, "depth", 2 * len(BAD_DEPTH))
    (folder / "depth").mkdir()
    # Every other frame has a good depth image, and all have cameras: bad depth would be used.
    frames = {f"{number}.png": level_camera(0.01 * number) for number in range(2 * len(BAD_DEPTH))}
    (folder / "poses.json").write_text(cameras_as_json(frames))
    for number, (make, _) in enumerate(BAD_DEPTH.values()):
        make(folder / "depth" / f"{2 * number}.png")
        np.save(folder / "depth" / f"{2 * number + 1}.npy", np.full((24, 32), 2, np.float32))
    before = files_of(root)
    with caplog.at_level(logging.WARNING):
        summary = refine_dataset(root, SETTINGS, inside_client)
    assert summary.complete
    damaged = summary.problems["damaged cameras"]
    assert damaged.count == len(BAD_CAMERAS)
    assert len(damaged.examples) == SHOWN_EXAMPLES
    told = [record.getMessage() for record in caplog.records]
    for number, (name, (_, words)) in enumerate(BAD_DEPTH.items()):
        assert any(f"/depth/{2 * number}." in line and words in line for line in told), name
    config = load_config(SETTINGS)
    layout = Layout(root, config.data, config.output)
    home = layout.record.folder.name
    new = files_of(root) - before
    assert all(path.startswith(home) or "/obj_ids_refine" in path for path in new)
    assert verify_dataset(root, SETTINGS).complete
