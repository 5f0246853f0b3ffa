"""The cost of a report of 900 scenes and 500 000 synthetic records: time, memory, size, opening.

Run as `python -m tests.bench.report [scenes] [frames]`. Every frame has a line in the journal, a
tenth of the frames two; a thousandth failed. The frames that stand out have files of 920 x 690
pixels. The saved statistics have 60 objects a scene, with several presences and flicker.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

STANDING_OUT = 8
STAGES = ("read", "encode", "decode", "match", "merge", "compose", "borders", "write")


def write_record(root: Path, n_scenes: int, n_frames: int) -> None:
    rng = np.random.default_rng(0)
    (root / "autorefiner").mkdir()
    per_scene = n_frames // n_scenes
    with (root / "autorefiner" / "journal.jsonl").open("w") as journal:
        for s in range(n_scenes):
            scene = f"{s:010x}"
            shares = rng.beta(2, [30, 25, 60], (per_scene, 3))
            agreement = rng.beta(30, 2, per_scene)
            seconds = rng.gamma(4, 0.02, (per_scene, len(STAGES)))
            for f in range(per_scene):
                extreme = s < STANDING_OUT and f < 2
                invalid, changed, lost = (0.9 - 0.01 * s if extreme else x for x in shares[f])
                row = {
                    "scene": scene,
                    "image": f"frame_{f:06d}.jpg",
                    "ids": f"frame_{f:06d}.jpg.pth",
                    "status": "done",
                    "seconds": dict(zip(STAGES, seconds[f].tolist(), strict=True)),
                    "stats": {
                        "invalid_ratio": float(invalid),
                        "changed_ratio": float(changed),
                        "agreement": 0.01 * s if extreme else float(agreement[f]),
                        "lost_ratio": float(lost),
                        "n_objects": 60,
                        "n_proposals": 90,
                        "direct": 40,
                        "low_confidence": 4,
                        "merged": 10,
                        "matched": 54,
                        "fallback": 6,
                    },
                    "stage": None,
                    "error": None,
                    "message": None,
                    "fingerprint": "0123456789abcdef",
                    "inputs": [[123456, 1700000000000000000], [65432, 1700000000000000000]],
                    "output": [54321, 1700000000000000000],
                }
                if not extreme and f % 1000 == 999:
                    row |= {"status": "failed", "stage": "read", "error": "ImageError"}
                    row |= {"message": "torn", "stats": {}, "output": None}
                journal.write((json.dumps(row) + "\n") * (2 if f % 10 == 0 else 1))
    write_files(root, rng)


def write_statistics(root: Path, n_scenes: int, per_scene: int, n_objects: int = 60) -> None:
    """Save the tables that the report reads, which are all but that of pixels."""
    rng = np.random.default_rng(1)
    folder = root / "autorefiner" / "statistics"
    folder.mkdir()
    tables = {
        "frames": ["scene", "frame", "pixels", "invalid_ratio", "objects"],
        "objects": [
            *("scene", "id", "frames", "pixels", "coarse_pixels", "kept_pixels"),
            *("coarse_iou", "gaps"),
        ],
        "spans": ["scene", "id", "first_frame", "last_frame", "frames"],
        "gaps": ["scene", "id", "first_frame", "last_frame", "frames", "coarse_pixels"],
    }
    with ExitStack() as stack:
        files = {
            name: csv.writer(stack.enter_context((folder / f"{name}.csv").open("w", newline="")))
            for name in tables
        }
        for name, header in tables.items():
            files[name].writerow(header)
        for s in range(n_scenes):
            scene, images = f"{s:010x}", [f"frame_{f:06d}.jpg" for f in range(per_scene)]
            for image, share in zip(images, rng.beta(2, 30, per_scene).tolist(), strict=True):
                files["frames"].writerow([scene, image, 634800, share, n_objects])
            for id_ in range(1, n_objects + 1):
                # These frames are, by turns, the start of a presence and the end of it.
                edges = rng.integers(0, per_scene + 1, 2 * rng.integers(1, 6))
                blinks = rng.integers(0, per_scene, rng.integers(0, 4) if id_ % 4 == 0 else 0)
                edges = np.unique(np.concatenate([edges, blinks, blinks + 1]))
                spans = edges[: len(edges) // 2 * 2].reshape(-1, 2).tolist()
                short = [(a, b) for (_, a), (b, _) in pairwise(spans) if b - a <= 3]
                for first, stop in spans:
                    row = [scene, id_, images[first], images[stop - 1], stop - first]
                    files["spans"].writerow(row)
                for first, stop in short:
                    row = [
                        scene,
                        id_,
                        images[first],
                        images[stop - 1],
                        stop - first,
                        40 * (id_ % 2),
                    ]
                    files["gaps"].writerow(row)
                n_frames = sum(stop - first for first, stop in spans)
                pixels = 9000 * n_frames + 1
                iou = float(rng.beta(20, 3))
                row = [scene, id_, n_frames, pixels, pixels, int(pixels * iou), iou, len(short)]
                files["objects"].writerow(row)


def write_files(root: Path, rng: np.random.Generator) -> None:
    blobs = rng.integers(0, 255, (23, 31, 3)).astype(np.uint8)
    ids = rng.integers(0, 60, (23, 31)).repeat(30, 0).repeat(30, 1)[:690, :920]
    for s in range(STANDING_OUT):
        folders = [root / f"{s:010x}" / name for name in ("images", "obj_ids", "obj_ids_refine")]
        for folder in folders:
            folder.mkdir(parents=True)
        for f in range(2):
            name = f"frame_{f:06d}.jpg"
            Image.fromarray(blobs).resize((920, 690)).save(folders[0] / name)
            for folder, shift in zip(folders[1:], (0, 5), strict=True):
                with (folder / f"{name}.pth").open("wb") as file:
                    save_torch(np.roll(ids, shift, 1).astype(np.uint16), file)


def save_torch(ids: np.ndarray, file: object) -> None:
    import torch

    torch.save(torch.from_numpy(ids), file)


def measure(root: Path, answer: multiprocessing.Queue) -> None:
    from pipeline.run import reporting

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, processor = time.perf_counter(), time.process_time()
    path = reporting.write_report(root)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer.put((str(path), wall, processor, before / 1024, after / 1024))


def open_page(path: str) -> dict[str, float]:
    from playwright.sync_api import sync_playwright

    quiet = "--no-sandbox --disable-gpu --disable-background-networking --no-first-run"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=quiet.split()
        )
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(Path(path).as_uri())
        opened = time.perf_counter() - start
        timed = (
            "(what) => { const start = performance.now(); what(); document.body.offsetHeight;"
            " return (performance.now() - start) / 1000; }"
        )
        click = "document.querySelectorAll('#scene-table button')[5].click()"
        sort = page.evaluate(f"({timed})(() => {click})")
        type_in = (
            "const box = document.getElementById('filter'); box.value = '3f';"
            "box.dispatchEvent(new Event('input'))"
        )
        filtered = page.evaluate(f"({timed})(() => {{ {type_in} }})")
        browser.close()
    return {"open": opened, "sort": sort, "filter": filtered}


def main(n_scenes: int, n_frames: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_record(root, n_scenes, n_frames)
        write_statistics(root, n_scenes, n_frames // n_scenes)
        size = (root / "autorefiner" / "journal.jsonl").stat().st_size
        answer: multiprocessing.Queue = multiprocessing.get_context("spawn").Queue()
        worker = multiprocessing.get_context("spawn").Process(target=measure, args=(root, answer))
        worker.start()
        path, wall, processor, before, after = answer.get()
        worker.join()
        page = open_page(path)
        print(f"{n_scenes} scenes, {n_frames} frames, a journal of {size / 2**20:.0f} MiB")
        print(f"written in {wall:.1f} s, of the processor {processor:.1f} s")
        print(f"memory {before:.0f} MiB before, {after:.0f} MiB at most")
        print(f"page {Path(path).stat().st_size / 2**20:.2f} MiB")
        print(", ".join(f"{what} {1000 * seconds:.0f} ms" for what, seconds in page.items()))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:])) if len(sys.argv) > 2 else main(900, 500_000)
