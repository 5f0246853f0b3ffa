"""Training pictures, rendered ahead: shards of frames with exact and coarse ids.

    python -m training.pool --out DIR --shards 0:40

A shard depends on its number alone, is written in one move, and is skipped if it is there: any
number of these commands may share a folder, and one that was killed is simply started again.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.dataset.whole_files import moved_into_place
from pipeline.demo.coarse import coarsen
from pipeline.demo.light import through_jpeg
from pipeline.demo.scenes import camera_path, make_room, take

FIRST_SEED = 1_000_000
"""Seed of the first room of training; lower seeds are for demos, tests and measurements."""
FRAMES_PER_SHARD = 64
SIDE = 512
CHANNELS = 5
"""Red, green, blue, exact id, coarse id. Ids are renumbered within a frame to fit 8 bits."""

Shard: TypeAlias = npt.NDArray[np.uint8]


def render_example(number: int, side: int = SIDE) -> Shard:
    """Render one training frame, squeezed into a square as SAM 2 sees images.

    Returns
    -------
    (side, side, 5) uint8
        Red, green, blue, exact id, coarse id; 0 = unlabelled.
    """
    seed = FIRST_SEED + number
    rng = np.random.default_rng([seed, 5])
    room = make_room(seed)
    aspect = float(rng.choice([4 / 3, 4 / 3, 1.5, 16 / 9, 3 / 4, 1.0]))
    frame = take(room, camera_path(room, 1, (side, side), aspect)[0])
    numbers = np.unique(np.append(frame.ids, 0))
    ids = np.searchsorted(numbers, frame.ids).astype(np.uint16)
    coarse = coarsen(ids, seed, float(rng.uniform(0.3, 1.6)))
    image = through_jpeg(frame.image, room.mood.jpeg_quality)
    return np.concatenate([image, ids[..., None], coarse[..., None]], axis=2).astype(np.uint8)


def write_shard(folder: Path, number: int) -> Path:
    """Render a shard unless its file exists; return the path."""
    path = folder / f"shard_{number:05d}.npy"
    if not path.exists():
        first = number * FRAMES_PER_SHARD
        frames = [render_example(first + step) for step in range(FRAMES_PER_SHARD)]
        unfinished = path.with_suffix(f".{os.getpid()}")
        with moved_into_place({unfinished: path}), unfinished.open("xb") as file:
            np.save(file, np.stack(frames))
    return path


def main() -> None:
    """Render a range of shards."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the shards")
    parser.add_argument(
        "--shards", default="0:40", help="first and past-the-last number, A:B[:STEP]"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for number in range(*(int(part) for part in options.shards.split(":"))):
        print(write_shard(options.out, number), flush=True)


if __name__ == "__main__":
    main()
