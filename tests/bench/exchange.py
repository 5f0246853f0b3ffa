"""The cost of exports and imports: `python -m tests.bench.exchange` prints README.md's tables.

The data set is one scene of hard links to a few drawn maps. Each row runs in a process of its own,
to measure its peak memory; the baseline is reading the maps in as many threads as an export has.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.bench.synthetic import Recipe, make_case

FORMATS = ("coco-rle", "coco-panoptic", "mots-png", "cvat", "labelme", "davis")
READERS = {
    "coco-rle": ("coco", "instances.json"),
    "coco-panoptic": ("coco-panoptic", "panoptic.json"),
    "mots-png": ("mots-png", ""),
    "cvat": ("cvat", "annotations"),
    "labelme": ("labelme", ""),
    "davis": ("labels", ""),
}
DRAWN = 8
"""Number of different maps; the other frames are links to them."""


def make_data(root: Path, frames: int, recipe: Recipe) -> None:
    """Write one scene whose refined ids are given."""
    from pipeline.dataset import write_ids

    folders = [root / "scene" / name for name in ("images", "obj_ids", "obj_ids_refine")]
    for folder in folders:
        folder.mkdir(parents=True)
    for number in range(frames):
        name = f"frame_{number:06d}.png"
        paths = [folders[0] / name, *(folder / f"{name}.pth" for folder in folders[1:])]
        if number < DRAWN:
            ids = make_case(number, recipe).truth.astype(np.uint16)
            Image.new("L", ids.shape[::-1]).save(paths[0])
            for path in paths[1:]:
                write_ids(path, ids, "pth", {})
        else:
            for path in paths:
                os.link(
                    path.with_name(path.name.replace(f"{number:06d}", f"{number % DRAWN:06d}")),
                    path,
                )


def read_all(root: Path) -> None:
    """Read every refined map."""
    from pipeline.dataset import read_ids
    from pipeline.exchange.threads import in_order

    for _ in in_order(read_ids, sorted(root.glob("*/obj_ids_refine/*"))):
        pass


def write_export(to: str, root: Path) -> None:
    import pipeline

    pipeline.export_dataset(root, to, out=root.parent / to)


def read_export(to: str, root: Path) -> None:
    import pipeline

    form, name = READERS[to]
    pipeline.import_ids(root, form, root.parent / to / name, into="back")
    shutil.rmtree(root / "scene" / "back")


def measure(work: Callable[[Path], None], root: Path, answer: Any) -> None:
    import pipeline.exchange.export
    import pipeline.exchange.import_

    # Modules that take seconds to import are loaded before the clock starts.
    assert pipeline.exchange.export
    assert pipeline.exchange.import_
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, before = time.perf_counter(), time.process_time()
    work(root)
    wall, busy = time.perf_counter() - start, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base
    answer.put((wall, busy, peak / 1024))


def apart(work: Callable[[Path], None], root: Path) -> tuple[float, float, float]:
    """Do work in its own process; return seconds, processor seconds, MiB above the bare process."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=measure, args=(work, root, answer))
    process.start()
    found: tuple[float, float, float] = answer.get()
    process.join()
    return found


def speed(frames: int, recipe: Recipe) -> None:
    """Print frames a second, and processor time as a multiple of reading alone."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "scans"
        make_data(root, frames, recipe)
        wall, yardstick, _ = apart(read_all, root)
        print(f"\n{frames} frames of {recipe.width} x {recipe.height}, {recipe.objects} objects\n")
        heads = ("format", "export, frames/s", "x reading", "size a frame")
        print(f"| {' | '.join(heads)} | import, frames/s | x reading |")
        print("| --- | --- | --- | --- | --- | --- |")
        print(f"| reading alone | {frames / wall:.0f} | 1 | | | |", flush=True)
        for to in FORMATS:
            out, out_busy, _ = apart(partial(write_export, to), root)
            size = sum(path.stat().st_size for path in (root.parent / to).rglob("*.*"))
            back, back_busy, _ = apart(partial(read_export, to), root)
            print(
                f"| {to} | {frames / out:.0f} | {out_busy / yardstick:.1f} | "
                f"{size / frames / 1024:.1f} KiB | {frames / back:.0f} | "
                f"{back_busy / yardstick:.1f} |",
                flush=True,
            )


def memory(lengths: list[int], recipe: Recipe) -> None:
    """Print the memory that exports of scenes of several lengths take."""
    heads = " | ".join(f"{frames} frames" for frames in lengths)
    print(f"\nMiB above the bare process, {recipe.width} x {recipe.height}\n\n| format | {heads} |")
    print("| --- |" + " --- |" * len(lengths))
    for to in FORMATS:
        row = []
        for frames in lengths:
            with tempfile.TemporaryDirectory() as folder:
                root = Path(folder) / "scans"
                make_data(root, frames, recipe)
                row.append(f"{apart(partial(write_export, to), root)[2]:.0f}")
        print(f"| {to} | {' | '.join(row)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--lengths", type=int, nargs="+", default=[500, 2000])
    chosen = parser.parse_args()
    speed(chosen.frames, Recipe(480, 640))
    memory(chosen.lengths, Recipe(48, 64))


if __name__ == "__main__":
    main()
