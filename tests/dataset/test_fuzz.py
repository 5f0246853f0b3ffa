"""Fuzz tests of the readers: for any bytes they return ids or an image, or raise a `FrameError`.

A short run is part of the tests. For a long one, set AUTOREFINER_FUZZ to the number of inputs that
each fuzzer tries.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.config import DataConfig
from pipeline.dataset import is_whole, read_ids, read_image, read_provenance, write_ids
from pipeline.dataset.formats import RESULT_FORMATS
from pipeline.dataset.formats.pickles import PickleError, parse
from pipeline.errors import FrameError
from tests.dataset import container_files
from tests.examples import examples
from tests.tools import need_module

REPOSITORY = Path(__file__).parents[2]
IDS = np.array([[0, 1, 2], [3, 300, 7]])
RGB = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
NUMBERS = [b"\x00", b"\xff", b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff" * 8]
INSTRUCTIONS = [b".", b"R", b"b", b"(", b"t", b"\x86", b"\x93", b"Q", b"cos\nmkdir\n"]
WORDS = [
    b"'|b8'",
    b"<f8",
    b">u2",
    b"|O",
    b"(1, ",
    b"99999999",
    b"True",
    b"IEND",
    b"tRNS",
    b"Storage",
]
TRICKY = NUMBERS + INSTRUCTIONS + WORDS

fuzz = settings(
    max_examples=examples(int(os.environ.get("AUTOREFINER_FUZZ", "100"))),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)


def saved(save: Callable[[Any, io.BytesIO], Any], value: Any) -> bytes:
    buffer = io.BytesIO()
    save(value, buffer)
    return buffer.getvalue()


def encoded(array: np.ndarray, file_format: str, mode: str, **options: Any) -> bytes:
    image = Image.fromarray(array).convert(mode)
    return saved(lambda each, buffer: each.save(buffer, file_format, **options), image)


def old_save(value: Any, buffer: io.BytesIO) -> None:
    torch.save(value, buffer, _use_new_zipfile_serialization=False)


TENSORS = [torch.from_numpy(IDS), torch.from_numpy(IDS.astype(np.uint16)), torch.ones(4, 4).float()]
ZIPS = [saved(torch.save, value) for value in (*TENSORS, IDS)]
STREAMS = [saved(old_save, value) for value in (*TENSORS, IDS)]
PICKLES = [pickle.dumps(IDS.astype(np.int32), protocol) for protocol in range(2, 6)]
NPYS = [
    saved(lambda a, b: np.save(b, a), a) for a in (IDS, IDS.astype(">f4"), np.asfortranarray(IDS))
]


def several(save: Callable[[Any, io.BytesIO], Any]) -> list[bytes]:
    values = ({"ids": TENSORS[0], "z": TENSORS[2]}, [TENSORS[1], IDS], (IDS, {"a": {"b": IDS}}))
    return [saved(save, value) for value in values]


def good_files(suffix: str) -> list[bytes]:
    tables = (container_files.GOOD.values(), container_files.SET.values())
    return [make() for ending, make, *_ in itertools.chain(*tables) if ending == suffix]


PNG_IDS = [
    saved(lambda a, b: Image.fromarray(a).save(b, "PNG"), IDS.astype(np.uint16)),
    encoded(RGB[..., 0], "PNG", "P"),
]
IMAGES = [
    encoded(RGB, "JPEG", "RGB"),
    encoded(RGB, "JPEG", "CMYK", progressive=True),
    encoded(
        RGB, "JPEG", "L", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
    ),
    encoded(RGB, "PNG", "RGBA"),
    encoded(RGB, "PNG", "P", bits=4),
]

Mutation = tuple[str, float, bytes]
mutations = st.lists(
    st.tuples(
        st.sampled_from(["overwrite", "insert", "delete", "repeat", "cut", "flip"]),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(TRICKY)
        | st.binary(min_size=1, max_size=9)
        | st.integers(-(2**31), 2**31 - 1).map(lambda number: struct.pack("<i", number)),
    ),
    max_size=6,
)


def mutate(content: bytes, steps: list[Mutation]) -> bytes:
    for action, where, piece in steps:
        at = int(where * len(content))
        head, tail = content[:at], content[at:]
        content = {
            "overwrite": head + piece + tail[len(piece) :],
            "insert": head + piece + tail,
            "delete": head + tail[len(piece) :],
            "repeat": head + tail[: 8 * len(piece)] * 2 + tail[8 * len(piece) :],
            "cut": head,
            "flip": head + bytes(byte ^ piece[0] for byte in tail[:1]) + tail[1:],
        }[action]
    return content


def mutate_entry(content: bytes, entry: str, steps: list[Mutation]) -> bytes:
    """Mutate one entry of a zip archive, and correct its checksum."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            body = old.read(name)
            new.writestr(name, mutate(body, steps) if name.endswith(entry) else body)
    return buffer.getvalue()


RULES = [DataConfig(), DataConfig(ids_key="ids", ids_encoding="rgb24", void=(1, 255))]


@functools.cache
def result(folder: Path, output_format: str) -> bytes:
    path = folder / f"made.{output_format}"
    write_ids(path, IDS, output_format, {"settings": "0123"})
    return path.read_bytes()


def check_ids(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for rules in RULES:
        try:
            ids = read_ids(path, rules)
        except FrameError as error:
            assert str(path) in str(error)
            continue
        assert ids.dtype == np.int32
        assert ids.ndim == 2
        assert ids.size
        assert ids.min() >= 0
        assert ids.max() <= 65_535


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


SEEDS = {
    "zip": (".pth", ZIPS),
    "stream": (".pth", STREAMS + PICKLES),
    "npy": (".npy", NPYS),
    "png": (".png", PNG_IDS),
    "zip of several": (".pth", several(torch.save)),
    "stream of several": (".pth", several(old_save) + several(pickle.dump)),
    "npz": (".npz", good_files(".npz")),
    "coloured png": (".png", good_files(".png")),
    "tiff": (".tif", good_files(".tif") + good_files(".tiff")),
    "hdf5": (".h5", good_files(".h5") + good_files(".hdf5")),
}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(("suffix", "seeds"), SEEDS.values(), ids=SEEDS)
@fuzz
@given(data=st.data())
def test_id_maps(folder: Path, suffix: str, seeds: list[bytes], data: st.DataObject) -> None:
    content = mutate(data.draw(st.sampled_from(seeds)), data.draw(mutations))
    check_ids(folder / f"ids{suffix}", content)


@fuzz
@given(
    st.sampled_from(ZIPS + several(torch.save)),
    st.sampled_from(["data.pkl", "data/0", "byteorder"]),
    mutations,
)
def test_entries_of_zips(folder: Path, seed: bytes, entry: str, steps: list[Mutation]) -> None:
    check_ids(folder / "ids.pth", mutate_entry(seed, entry, steps))


@fuzz
@given(
    st.binary(max_size=60)
    | st.tuples(st.sampled_from(PICKLES), mutations).map(lambda a: mutate(*a))
)
def test_pickles(content: bytes) -> None:
    with contextlib.suppress(PickleError):
        parse(io.BytesIO(content), {"numpy.dtype"})


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@fuzz
@given(st.sampled_from(IMAGES), mutations)
def test_images(folder: Path, seed: bytes, steps: list[Mutation]) -> None:
    path = folder / "image.jpg"
    path.write_bytes(mutate(seed, steps))
    try:
        image = read_image(path)
    except FrameError as error:
        assert str(path) in str(error)
        return
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3


@pytest.mark.parametrize("output_format", RESULT_FORMATS)
@fuzz
@given(steps=mutations)
def test_results(folder: Path, output_format: str, steps: list[Mutation]) -> None:
    path = folder / f"result.{output_format}"
    path.write_bytes(mutate(result(folder, output_format), steps))
    assert isinstance(is_whole(path), bool)
    assert all(isinstance(word, str) for word in read_provenance(path).values())


@pytest.mark.slow
def test_all_readers_guided_by_coverage(tmp_path: Path) -> None:
    need_module("atheris", extra="fuzz")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.fuzz", "--inputs", "5000", "--folder", tmp_path],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    figures = json.loads((tmp_path / "figures.json").read_text())["tried, accepted"]
    assert len(figures) == 9
    assert all(tried > accepted > 0 for tried, accepted in figures.values())
