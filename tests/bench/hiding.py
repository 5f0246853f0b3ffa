"""How far a worker hides its own work behind that of the device: wall time a frame.

    python -m tests.bench.hiding [--frames 64] [--waits 25 12 0]

One partition of real files goes from disk to disk: JPEGs of 690 x 920, coarse maps of 60 ids. The
device is a stand-in that sleeps T ms for each frame and then hands over clean masks, which were
made before; prompts are aimed as for a model. A device that places borders by the image does so in
its own time, so the partition runs with borders by masks. The last line has, for each T, the wall
time a frame as a multiple of T.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from PIL import Image
from scipy import ndimage

from pipeline.clock import StageClock
from pipeline.config import Config, load_config
from pipeline.dataset import Layout, discover
from pipeline.records import FrameRef, Proposals
from pipeline.run.job import Job
from pipeline.run.partition import refine_partition
from pipeline.sam.targets import find_targets

SIZE = 690, 920
N_IDS = 60
CELLS = 256
GRID = 512
SCENES = 6
"""Different views; the frames of a data set repeat them."""
REPEATS = 3


@dataclass
class SleepingDevice:
    """A proposer whose device sleeps, and a factory of itself."""

    masks: dict[bytes, Proposals]
    wait: float = 0.0
    """Seconds for each image."""
    images_per_call: int = 4

    def obtain(self, config: Config) -> None: ...

    def identity(self, config: Config) -> str:
        return "asleep"

    def make(self, config: Config) -> SleepingDevice:
        return self

    def prepare(self, image: np.ndarray, coarse_ids: np.ndarray, clock: StageClock) -> bytes:
        with clock("aim"):
            find_targets(coarse_ids, GRID)
            return name_of(coarse_ids)

    def propose_prepared(self, prepared: Sequence[bytes], clock: StageClock) -> list[Proposals]:
        with clock("decode"):
            time.sleep(self.wait * len(prepared))
            return [self.masks[name] for name in prepared]

    def propose(
        self, images: Sequence[np.ndarray], coarse_ids: Sequence[np.ndarray], clock: StageClock
    ) -> list[Proposals]:
        pairs = zip(images, coarse_ids, strict=True)
        return self.propose_prepared([self.prepare(*pair, clock) for pair in pairs], clock)


def name_of(ids: np.ndarray) -> bytes:
    """Return a few samples of a map, which tell the maps of this benchmark apart."""
    return ids[::97, ::89].astype(np.uint16).tobytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--waits", type=int, nargs="+", default=[25, 12, 0], help="T, in ms")
    options = parser.parse_args()
    # As on a worker.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        device = SleepingDevice(write_dataset(root, options.frames))
        config = load_config(None, ["refinement.borders=masks"])
        layout = Layout(root, config.data, config.output)
        frames = list(discover(root, config.data).frames)
        job = Job(layout, config, "hiding", device)
        refine_partition(frames[:8], job)
        print("| T, ms | wall a frame, ms | of the processor, ms | ratio | stages, ms |")
        print("| --- | --- | --- | --- | --- |")
        ratios = []
        for wait in options.waits:
            device.wait = wait / 1000
            wall, processor, stages = min(measure(frames, job) for _ in range(REPEATS))
            ratio = f"{1000 * wall / wait:.2f}" if wait else "-"
            told = ", ".join(f"{name} {1000 * s:.0f}" for name, s in stages)
            print(f"| {wait} | {1000 * wall:.1f} | {1000 * processor:.1f} | {ratio} | {told} |")
            if wait:
                ratios.append(f"T={wait} ratio={ratio}")
    print("hiding:", " ".join(ratios))


def measure(frames: list[FrameRef], job: Job) -> tuple[float, float, list[tuple[str, float]]]:
    """Return the wall and processor time of a frame, in seconds, and its time in each stage."""
    wall, processor = time.perf_counter(), time.process_time()
    entries = refine_partition(frames, job)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    assert [entry.outcome.status for entry in entries] == ["done"] * len(frames)
    seconds: dict[str, float] = {}
    for entry in entries:
        for stage, spent in entry.outcome.seconds.items():
            seconds[stage] = seconds.get(stage, 0) + spent / len(frames)
    return wall / len(frames), processor / len(frames), list(seconds.items())


def write_dataset(root: Path, n_frames: int) -> dict[bytes, Proposals]:
    """Write images and coarse maps; return the clean masks of each map by its name."""
    made = {}
    views = []
    for seed in range(SCENES):
        truth, coarse, image = view(seed)
        ids = np.unique(truth[truth > 0])
        sure = torch.full((len(ids),), 0.9)
        logits = torch.stack([as_logits(truth == i) for i in ids])
        made[name_of(coarse)] = Proposals(logits, sure, sure, torch.from_numpy(ids.astype(int)))
        views.append((coarse, image))
    for kind in ("images", "obj_ids"):
        (root / "scene" / kind).mkdir(parents=True)
    for number in range(n_frames):
        coarse, image = views[number % SCENES]
        name = f"frame_{number:06d}.jpg"
        Image.fromarray(image).save(root / "scene" / "images" / name, quality=92)
        torch.save(torch.from_numpy(coarse), root / "scene" / "obj_ids" / f"{name}.pth")
    return made


def view(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return exact ids, coarse ids and an image: cells of an even colour, with grain on them."""
    rng = np.random.default_rng(seed)
    seeds = np.ones(SIZE, dtype=bool)
    places = rng.integers(0, SIZE[0], N_IDS), rng.integers(0, SIZE[1], N_IDS)
    seeds[places] = False
    nearest = ndimage.distance_transform_edt(seeds, return_distances=False, return_indices=True)
    names = np.zeros(SIZE, np.int32)
    names[places] = rng.permutation(4000)[:N_IDS] + 1
    truth = names[tuple(nearest)]
    drift = [
        4 * ndimage.zoom(rng.normal(size=(18, 24)), (SIZE[0] / 18, SIZE[1] / 24), order=1)
        for _ in range(2)
    ]
    y, x = np.indices(SIZE)
    y = np.clip(np.rint(y + drift[0]), 0, SIZE[0] - 1).astype(int)
    x = np.clip(np.rint(x + drift[1]), 0, SIZE[1] - 1).astype(int)
    colours = rng.integers(30, 225, (4001, 3))
    grain = ndimage.gaussian_filter(rng.normal(0, 40, (*SIZE, 3)), (2, 2, 0))
    image = np.clip(colours[truth] + grain + rng.normal(0, 3, (*SIZE, 3)), 0, 255)
    return truth, truth[y, x], image.astype(np.uint8)


def as_logits(mask: np.ndarray) -> torch.Tensor:
    share = F.interpolate(torch.from_numpy(mask).float()[None, None], (CELLS, CELLS), mode="area")
    return torch.logit(share[0, 0], eps=1e-4)


if __name__ == "__main__":
    main()
