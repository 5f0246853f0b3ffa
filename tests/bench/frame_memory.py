"""Peak memory of a large frame with many objects, by mode.

    python -m tests.bench.frame_memory --model demo --size 1920x1440 --ids 500

Each figure comes from a process of its own. The memory of libraries and model before the first
frame is listed apart from the memory that the frame adds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
from pathlib import Path

import numpy as np
import torch

from pipeline.clock import StageClock
from pipeline.config import load_config
from tests.bench.whole_frame import random_weights


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--random", action="store_true", help="random weights")
    parser.add_argument("--size", default="1920x1440", help="WIDTHxHEIGHT")
    parser.add_argument("--ids", type=int, default=500)
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    print(f"{options.model}, {options.size}, {options.ids} ids")
    print("| mode | before the first frame, MB | the frame adds, MB | masks |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "random.pt"
        settings = {"model": {"name": options.model, "device": "cpu"}}
        if options.random:
            settings["model"]["checkpoint"] = str(random_weights(options.model, checkpoint))
        for mode in ("guided", "grid"):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                before, after, masks = pool.apply(
                    measure, [settings, mode, (height, width), options.ids]
                )
            print(f"| {mode} | {before:.0f} | {after - before:.0f} | {masks} |", flush=True)


def measure(
    settings: dict[str, dict[str, str]], mode: str, size: tuple[int, int], n_ids: int
) -> tuple[float, float, int]:
    """Return the peak memory before and after a frame, in megabytes, and its number of masks."""
    from pipeline.refinement import refine_proposals
    from pipeline.sam import SAM2

    torch.set_num_threads(1)
    config = load_config(settings, [f"proposals.mode={mode}"])
    proposer = SAM2.make(config)
    ids = tiles(size, n_ids)
    image = np.random.default_rng(0).integers(0, 255, (n_ids + 1, 3), dtype=np.uint8)[ids]
    before = peak()
    [proposals] = proposer.propose([image], [ids], StageClock())
    refine_proposals(ids, proposals, config.refinement, StageClock())
    return before, peak(), len(proposals.logits)


def tiles(size: tuple[int, int], n_ids: int) -> np.ndarray:
    """Return ids 1 to n in tiles of nearly the same size."""
    rows = int(np.sqrt(n_ids))
    columns = -(-n_ids // rows)
    y = np.arange(size[0]) * rows // size[0]
    x = np.arange(size[1]) * columns // size[1]
    return np.minimum(y[:, None] * columns + x, n_ids - 1) + 1


def peak() -> float:
    """Return the largest resident size so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
