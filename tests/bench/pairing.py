"""How well image support separates right pairs of image and ids from wrong ones.

    python -m tests.bench.pairing [--rooms 24] [--seed 7000] [--severity 1.0]

The images are demo rooms outside the training set, each at five places of a path of forty frames,
and the photographs of `tests/data/desk`. Every image is paired with its own coarse ids, with those
of other places of the path, and with those of another room.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pipeline.config import load_config
from pipeline.demo.coarse import coarsen
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.record.tally import SUSPICIOUS_SUPPORT
from pipeline.sam import load_model
from pipeline.sam.encoder import encode
from pipeline.sam.model import arithmetic
from pipeline.sam.support import image_support

DESK = Path(__file__).parents[1] / "data" / "desk"
PLACES = (0, 3, 10, 20, 39)

Frame = tuple[np.ndarray, np.ndarray]


def walk(seed: int, severity: float) -> list[Frame]:
    room = make_room(seed)
    cameras = camera_path(room, 40, (640, 480))
    frames = [take(room, cameras[place], place) for place in PLACES]
    return [(f.image, coarsen(f.ids, seed * 1000 + k, severity)) for k, f in enumerate(frames)]


def photographs() -> list[Frame]:
    images = sorted((DESK / "images").iterdir())
    ids = [np.asarray(Image.open(DESK / "obj_ids" / f"{path.name}.png")) for path in images]
    return [(np.array(Image.open(path)), each) for path, each in zip(images, ids, strict=True)]


def pairs(rooms: list[list[Frame]]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for number, frames in enumerate(rooms):
        another = rooms[(number + 1) % len(rooms)]
        for place, (image, ids) in enumerate(frames):
            yield "its own ids", image, ids
            for _, others in frames[:place] + frames[place + 1 :]:
                same = int(10 * (others == ids).mean()) / 10
                yield f"same room, {same:.1f} of the pixels equal", image, others
            yield "another room", image, another[place % len(another)][1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rooms", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7000)
    parser.add_argument("--severity", type=float, default=1.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = load_config({"model": {"name": "demo"}}).model
    model = load_model(config)
    rooms = [walk(options.seed + number, options.severity) for number in range(options.rooms)]
    desk = [(image, ids) for image, ids in photographs()]
    found: defaultdict[str, list[float]] = defaultdict(list)
    silent: defaultdict[str, int] = defaultdict(int)
    with arithmetic(config, model.device):
        everything = [*pairs(rooms)]
        everything += [("desk: its own ids", image, ids) for image, ids in desk]
        for (image, _), room in zip(desk, rooms, strict=False):
            everything += [("desk: ids of a room", image, ids) for _, ids in room]
        seen: dict[int, torch.Tensor] = {}
        for kind, image, ids in everything:
            if id(image) not in seen:
                seen[id(image)] = encode(model, [image])[0].high_res[0]
            support = image_support(seen[id(image)], ids)
            if support is None:
                silent[kind] += 1
            else:
                found[kind].append(support)
    for kind, values in sorted(found.items()):
        low, middle, high = np.percentile(values, (2, 50, 98))
        flagged = np.mean(np.array(values) < SUSPICIOUS_SUPPORT)
        print(
            f"{kind:40} {len(values):4} pairs, {silent[kind]:2} silent  "
            f"{low:5.2f} {middle:5.2f} {high:5.2f}  flagged {100 * flagged:5.1f} %"
        )


if __name__ == "__main__":
    main()
