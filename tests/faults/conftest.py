"""Real clusters and real commands, whose workers an image's first pixel steers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import numpy as np
import pytest
from distributed import Client
from PIL import Image

from pipeline.cluster import open_client
from pipeline.config import ClusterConfig
from pipeline.dataset import is_whole, write_ids
from tests.faults import steered

REPOSITORY = Path(__file__).parents[2]

SETTINGS = ("--set", "model.name=demo", "--set", "cluster.kind=cpu", "--set", "cluster.workers=2")

Pixel = tuple[int, int, int]
MakeFrames = Callable[..., Path]
Start = Callable[..., subprocess.Popen[str]]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder as slow, as all of them start processes."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def make_frames(tmp_path: Path) -> MakeFrames:
    """Return a function that writes a scene with one frame for each given first pixel."""

    def make(
        pixels: list[Pixel], scene: str = "scene_0000", size: tuple[int, int] = (24, 32)
    ) -> Path:
        root = tmp_path / "scans"
        folder = root / scene
        (folder / "images").mkdir(parents=True)
        rows, columns = np.indices(size)
        ids = (1 + rows * 3 // size[0] + 3 * (columns * 4 // size[1])).astype(np.uint16)
        for number, pixel in enumerate(pixels):
            image = np.full((*size, 3), 90, np.uint8)
            image[0, 0] = pixel
            name = f"frame_{number:06d}.png"
            Image.fromarray(image).save(folder / "images" / name)
            write_ids(folder / "obj_ids" / f"{name}.pth", np.roll(ids, number), "pth", {})
        return root

    return make


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """Yield a client of a local cluster of two steered workers with two gigabytes each."""
    with (
        dask.config.set(
            {
                "distributed.scheduler.allowed-failures": 1,
                "distributed.worker.preload": [str(steered.PATH)],
                "distributed.nanny.environ": {"PYTHONPATH": str(REPOSITORY)},
            }
        ),
        open_client(
            ClusterConfig(
                kind="cpu", workers=2, memory_limit="2GB", dashboard_address="127.0.0.1:0"
            )
        ) as client,
    ):
        yield client


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts the command, with steered workers, in a group of its own."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: object, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "pipeline", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env={
                **os.environ,
                "DASK_DISTRIBUTED__WORKER__PRELOAD": str(steered.PATH),
                "STEERED_GATE": str(tmp_path / "gate"),
            },
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@contextmanager
def patience(seconds: float = 120) -> Iterator[Callable[[], None]]:
    """Yield a function that waits a little, and fails once `seconds` have passed."""
    deadline = time.monotonic() + seconds

    def wait() -> None:
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)

    yield wait


def results(root: Path) -> dict[str, bytes]:
    """Return the results by path, without the temporary files that killed writers leave."""
    files = sorted(root.glob("*/obj_ids_refine/frame_*"))
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


def nothing_is_torn(root: Path) -> bool:
    return all(is_whole(file) for file in root.glob("*/obj_ids_refine/frame_*"))
