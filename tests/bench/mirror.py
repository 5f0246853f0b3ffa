"""The mirror's time and size by compressor, compared with .pth, npy and png files.

    autorefiner demo DIR --scenes 3 --frames 4 --size 920 690
    python -m tests.bench.mirror DIR

Processor time of one process; best of three rounds.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import zarr
from PIL import Image
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

from pipeline.dataset import read_ids, write_ids
from pipeline.mirror.scheme import IDS, create_scene

DESK = Path(__file__).parents[1] / "data" / "desk"
ROUNDS = 3
Maps = Sequence[npt.NDArray[np.uint16]]

CODECS: dict[str, Any] = {
    "none": None,
    "zstd, level 1": ZstdCodec(level=1, checksum=True),
    "zstd, level 3": ZstdCodec(level=3, checksum=True),
    "zstd, level 9": ZstdCodec(level=9, checksum=True),
    "zstd, level 15": ZstdCodec(level=15, checksum=True),
    "gzip, level 5": GzipCodec(level=5),
    "blosc lz4, shuffle": BloscCodec(cname="lz4", clevel=5, shuffle="shuffle", typesize=2),
    "blosc lz4, bitshuffle": BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle", typesize=2),
    "blosc zstd 3, shuffle": BloscCodec(cname="zstd", clevel=3, shuffle="shuffle", typesize=2),
    "blosc zstd 5, bitshuffle": BloscCodec(
        cname="zstd", clevel=5, shuffle="bitshuffle", typesize=2
    ),
}


def main(demo: Path) -> None:
    sets = {
        "demo, coarse": read_all(sorted(demo.glob("*/obj_ids/*.pth"))),
        "demo, truth": read_all(sorted(demo.glob("*/gt_ids/*"))),
        "desk, coarse": read_all(sorted((DESK / "obj_ids").iterdir())),
        "desk, truth": read_all(sorted((DESK / "gt_ids").iterdir())),
    }
    for name, maps in sets.items():
        height, width = maps[0].shape
        print(f"\n{name}: {len(maps)} frames of {width} x {height}")
        print(
            "| compressor | ratio | KB a frame | write ms | read ms |\n| --- " + "| --- " * 4 + "|"
        )
        for codec, compressor in CODECS.items():
            print(f"| {codec} | {codec_row(maps, compressor)} |")
    for name in ("demo, coarse", "desk, coarse"):
        print(f"\n{name}: one frame at random")
        print("| kept as | KB on disk | write ms | read ms |\n| --- " + "| --- " * 3 + "|")
        for kind, measure in KINDS.items():
            with tempfile.TemporaryDirectory() as folder:
                print(f"| {kind} | {measure(sets[name], Path(folder))} |")


def read_all(paths: list[Path]) -> Maps:
    return [read_ids(path).astype(np.uint16) for path in paths]


def codec_row(maps: Maps, compressor: Any) -> str:
    store = zarr.storage.MemoryStore()
    shape = maps[0].shape
    array = zarr.create_array(
        store,
        shape=(len(maps), *shape),
        chunks=(1, *shape),
        dtype="uint16",
        compressors=[compressor] if compressor else None,
        config={"write_empty_chunks": True},
    )
    write = milliseconds(lambda k: array.__setitem__(k, maps[k]), len(maps))
    read = milliseconds(lambda k: array[k], len(maps))
    stored = array.nbytes_stored() / len(maps)
    return f"{maps[0].nbytes / stored:.0f} | {stored / 1e3:.1f} | {write:.2f} | {read:.2f}"


def milliseconds(act: Callable[[int], Any], count: int) -> float:
    """Return the processor time of one call, the best of some rounds over shuffled frames."""
    order = np.random.default_rng(0).permutation(count).tolist()
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for number in order:
            act(number)
        best = min(best, time.process_time() - start)
    return best / count * 1e3


def files_row(suffix: str, form: str, read: Callable[[Path], Any]) -> Callable[[Maps, Path], str]:
    def measure(maps: Maps, folder: Path) -> str:
        def path(k: int) -> Path:
            return folder / f"{k}{suffix}"

        write = milliseconds(lambda k: write_ids(path(k), maps[k], form, {}), len(maps))
        return row(folder, len(maps), write, milliseconds(lambda k: read(path(k)), len(maps)))

    return measure


def mirror_row(shard: int) -> Callable[[Maps, Path], str]:
    def measure(maps: Maps, folder: Path) -> str:
        names = [str(k) for k in range(len(maps))]
        root = zarr.create_group(folder)
        array = create_scene(root, "scene", names, maps[0].shape, shard)[IDS]
        stack = np.stack(maps)
        starts = range(0, len(maps), shard)
        write = milliseconds(
            lambda k: array.__setitem__(
                slice(k * shard, (k + 1) * shard), stack[k * shard :][:shard]
            ),
            len(starts),
        )
        write /= len(maps) / len(starts)
        return row(folder, len(maps), write, milliseconds(lambda k: array[k], len(maps)))

    return measure


def row(folder: Path, count: int, write: float, read: float) -> str:
    blocks = sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
    return f"{blocks / count / 1e3:.1f} | {write:.2f} | {read:.2f}"


KINDS = {
    ".pth": files_row(".pth", "pth", lambda path: torch.load(path, weights_only=True).numpy()),
    "npy": files_row(".npy", "npy", np.load),
    "png": files_row(".png", "png", lambda path: np.asarray(Image.open(path))),
    "mirror, one frame a file": mirror_row(1),
    "mirror, four frames a file": mirror_row(4),
}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
