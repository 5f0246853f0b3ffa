"""Training clips for the memory, rendered and encoded ahead: four frames of a room each.

    python -m training.clips --out DIR --clips 0:300

A clip depends on its number alone, is written in one move, and is skipped if it is there: any
number of these commands may share a folder, and one that was killed is simply started again. The
image encoder is not trained with the memory, so that clips hold its features instead of pictures.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from pipeline.dataset.whole_files import moved_into_place
from pipeline.demo.light import through_jpeg
from pipeline.demo.scan.view import coarse_views
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.ids import resize_nearest
from pipeline.sam import load_model
from pipeline.sam.encoder import ImageFeatures, encode
from pipeline.sam.memory_bank import plain_embedding

FIRST_SEED = 2_000_000
"""Seed of the first room; rooms of the model's own training begin at a million."""
FRAMES = 4
SIZE = (512, 384)
SMALLEST = 160
"""Cells of the square id maps; smaller objects are not asked for."""
_PATH = 13
_MOST_NUMBERS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Four frames of a room, in order of time."""

    embeddings: Tensor
    """(4, C, s, s) float16: features without the mark of "no memory"."""
    high_res: tuple[Tensor, Tensor]
    """(4, C / 8, 4 s, 4 s) and (4, C / 4, 2 s, 2 s) float16."""
    exact: npt.NDArray[np.uint8]
    """(4, S, S) true ids, renumbered within the clip; 0 = unlabelled."""
    coarse: npt.NDArray[np.uint8]
    """(4, S, S) ids rendered from one wrong mesh."""

    def features(self, frame: int, no_memory: Tensor) -> ImageFeatures:
        """Return the features of a frame as the mask decoder takes them, without a memory.

        Parameters
        ----------
        no_memory
            (C, 1, 1) the model's mark.
        """
        high, middle = (level[frame].to(no_memory) for level in self.high_res)
        embedding = self.embeddings[frame].to(no_memory) + no_memory
        return ImageFeatures(embedding, (high, middle), SIZE[::-1])


def render_clip(model: SAM2Base, number: int) -> Clip:
    """Render and encode one clip, whose frames are one to four steps of a camera path apart."""
    seed = FIRST_SEED + number
    rng = np.random.default_rng([seed, 8])
    room = make_room(seed)
    gap = int(rng.integers(1, (_PATH - 1) // (FRAMES - 1) + 1))
    cameras = camera_path(room, _PATH, SIZE)[: gap * FRAMES : gap]
    frames = [take(room, camera, shot) for shot, camera in enumerate(cameras)]
    views = coarse_views(room, cameras, float(rng.uniform(0.5, 1.6)))
    square = (model.image_size, model.image_size)
    maps = [
        [resize_nearest(ids, square) for ids in (f.ids, v.ids)]
        for f, v in zip(frames, views, strict=True)
    ]
    exact, coarse = _renumbered(np.array(maps)).swapaxes(0, 1)
    with torch.inference_mode():
        images = [np.array(through_jpeg(f.image, room.mood.jpeg_quality)) for f in frames]
        features = [encode(model, [image])[0] for image in images]
        levels = zip(*((plain_embedding(model, f), *f.high_res) for f in features), strict=True)
        embeddings, high, middle = (torch.stack(level).half() for level in levels)
    return Clip(embeddings, (high, middle), exact, coarse)


def _renumbered(ids: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Give the ids of a clip numbers of 8 bits; rooms have far fewer things."""
    numbers = np.unique(np.append(ids, 0))[:_MOST_NUMBERS]
    place = np.searchsorted(numbers, ids)
    return np.where(np.isin(ids, numbers), place, 0).astype(np.uint8)


def write_clip(folder: Path, number: int) -> Path:
    """Render a clip for the demo model unless its file exists; return the path."""
    path = folder / f"clip_{number:05d}.npz"
    if not path.exists():
        model = load_model({"model": {"name": "demo", "device": "cpu"}})
        clip = render_clip(model, number)
        unfinished = path.with_suffix(f".{os.getpid()}")
        with moved_into_place({unfinished: path}), unfinished.open("xb") as file:
            np.savez(
                file,
                embeddings=clip.embeddings.numpy(),
                high=clip.high_res[0].numpy(),
                middle=clip.high_res[1].numpy(),
                exact=clip.exact,
                coarse=clip.coarse,
            )
    return path


def read_clip(path: Path) -> Clip:
    """Read a clip that `write_clip` wrote."""
    with np.load(path) as file:
        levels = (torch.from_numpy(file[name]) for name in ("embeddings", "high", "middle"))
        embeddings, high, middle = levels
        return Clip(embeddings, (high, middle), file["exact"], file["coarse"])


def main() -> None:
    """Render a range of clips."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the clips")
    parser.add_argument(
        "--clips", default="0:300", help="first and past-the-last number, A:B[:STEP]"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for number in range(*(int(part) for part in options.clips.split(":"))):
        print(write_clip(options.out, number), flush=True)


if __name__ == "__main__":
    main()
