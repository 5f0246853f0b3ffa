"""Fuzz the readers with mutated files, guided by coverage (atheris, libFuzzer).

    python -m tests.bench.fuzz [--seconds 1200] [--inputs 100000] [--folder DIR]

For any bytes, a reader has to return valid data or raise the one kind of exception it documents;
anything else ends the run and saves the input in DIR/crash-*. Seeds are the tables of
`tests/dataset` and the configs of this repository. DIR/figures.json has the numbers of inputs given
to each reader and accepted by it. Needs Linux and `pip install atheris`.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import atheris
import numpy as np

from tests.dataset import container_files, id_map_files, image_files

with atheris.instrument_imports(include=["pipeline", "pickletools", "zipfile", "yaml"]):
    import pickletools  # noqa: F401
    import zipfile

    from pipeline.config import load_config
    from pipeline.dataset import read_ids, read_image, read_provenance
    from pipeline.errors import ConfigError, FrameError

REPOSITORY = Path(__file__).parents[2]
MAX_LENGTH = 4096
PLACE = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm"))

tried: Counter[str] = Counter()
accepted: Counter[str] = Counter()


def refuses_or_reads_ids(suffix: str) -> Callable[[bytes], bool]:
    path = PLACE / f"ids{suffix}"

    def attempt(content: bytes) -> bool:
        path.write_bytes(content)
        assert all(isinstance(word, str) for word in read_provenance(path).values())
        try:
            ids = read_ids(path)
        except FrameError as error:
            assert str(path) in str(error)
            return False
        assert ids.dtype == np.int32
        assert ids.ndim == 2
        assert 0 <= ids.min() <= ids.max() <= 65_535
        return True

    return attempt


def refuses_or_reads_archive(pickled: bytes) -> bool:
    """Put the pickle into an archive with valid checksums and read that."""
    return refuses_or_reads_ids(".pth")(id_map_files.with_pickle(pickled))


def refuses_or_reads_image(content: bytes) -> bool:
    path = PLACE / "image.jpg"
    path.write_bytes(content)
    try:
        image = read_image(path)
    except FrameError as error:
        assert str(path) in str(error)
        return False
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    return True


def refuses_or_reads_config(content: bytes) -> bool:
    path = PLACE / "settings.yaml"
    path.write_bytes(content)
    try:
        config = load_config(path)
    except ConfigError as error:
        assert str(path) in str(error)
        return False
    assert load_config(config) == config
    return True


READERS: dict[str, Callable[[bytes], bool]] = {
    "id maps, .pth": refuses_or_reads_ids(".pth"),
    "id maps, the pickle in .pth": refuses_or_reads_archive,
    "id maps, .npy": refuses_or_reads_ids(".npy"),
    "id maps, .png": refuses_or_reads_ids(".png"),
    "id maps, .npz": refuses_or_reads_ids(".npz"),
    "id maps, .tif": refuses_or_reads_ids(".tif"),
    "id maps, .h5": refuses_or_reads_ids(".h5"),
    "images": refuses_or_reads_image,
    "configs": refuses_or_reads_config,
}
"""By the first byte of an input, modulo their number."""


def test_one_input(data: bytes) -> None:
    if not data:
        return
    name = list(READERS)[data[0] % len(READERS)]
    tried[name] += 1
    accepted[name] += READERS[name](data[1:])


def write_seeds(corpus: Path) -> None:
    """Write the tables of files as inputs, each for its reader."""
    reader = {".pth": 0, ".npy": 2, ".png": 3, ".npz": 4, ".tif": 5, ".h5": 6}
    seeds: list[tuple[int, bytes]] = []
    tables = (id_map_files.GOOD, id_map_files.BAD, container_files.GOOD, container_files.BAD)
    for suffix, make, _ in itertools.chain.from_iterable(table.values() for table in tables):
        content = make()
        if suffix in reader:
            seeds.append((reader[suffix], content))
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                pickles = [name for name in archive.namelist() if name.endswith("data.pkl")]
                seeds += [(1, archive.read(name)) for name in pickles]
    seeds += [(7, make()) for make, _ in image_files.GOOD.values()]
    seeds += [(7, make()) for make, _ in image_files.BAD.values()]
    seeds += [(8, path.read_bytes()) for path in (REPOSITORY / "configs").glob("*.yaml")]
    for count, (number, content) in enumerate(seeds):
        if len(content) < MAX_LENGTH:
            (corpus / f"seed-{count:04d}").write_bytes(bytes([number]) + content)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=0, help="stop after so long")
    parser.add_argument("--inputs", type=int, default=-1, help="stop after so many inputs")
    parser.add_argument("--folder", type=Path, default=PLACE, help="of corpus, figures and crashes")
    options = parser.parse_args()
    corpus = options.folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    write_seeds(corpus)
    started = time.monotonic()

    def test_and_count(data: bytes) -> None:
        test_one_input(data)
        if tried.total() % 1000 == 0:
            figures = {name: [tried[name], accepted[name]] for name in READERS}
            report = {"seconds": round(time.monotonic() - started), "tried, accepted": figures}
            (options.folder / "figures.json").write_text(json.dumps(report, indent=1))

    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={options.seconds}",
            f"-runs={options.inputs}",
            f"-max_len={MAX_LENGTH}",
            "-timeout=20",
            "-rss_limit_mb=4096",
            "-print_final_stats=1",
            f"-artifact_prefix={options.folder}/",
            str(corpus),
        ],
        test_and_count,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
