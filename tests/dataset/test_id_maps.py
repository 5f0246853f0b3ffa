"""Id maps of all kinds are read, and others are refused with helpful errors."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.config import load_config
from pipeline.dataset import read_ids
from pipeline.errors import IdMapError, IdRangeError
from tests.dataset import container_files, id_map_files
from tests.dataset.id_map_files import IDS, INTEGERS, npy, png, save

GOOD = {**id_map_files.GOOD, **container_files.GOOD}
BAD = {**id_map_files.BAD, **container_files.BAD}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", GOOD)
def test_reads(tmp_path: Path, name: str) -> None:
    suffix, make, expected = GOOD[name]
    path = tmp_path / f"frame.jpg{suffix}"
    path.write_bytes(make())
    ids = read_ids(path)
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids, expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", BAD)
def test_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    suffix, make, message = BAD[name]
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"frame.jpg{suffix}"
    content = make()
    path.write_bytes(content)
    expected = (
        IdRangeError if "expected ids up to" in message or "id " in message[:3] else IdMapError
    )
    tracemalloc.start()
    try:
        with pytest.raises(expected) as caught:
            read_ids(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert any(part in str(caught.value) for part in message.split(" OR "))
    assert str(path) in str(caught.value)
    assert list(tmp_path.iterdir()) == [path], "something was run"
    assert peak < 2_000_000 + 8 * len(content)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", container_files.SET)
def test_reads_what_settings_ask_for(tmp_path: Path, name: str) -> None:
    suffix, make, settings, expected = container_files.SET[name]
    path = tmp_path / f"frame.jpg{suffix}"
    path.write_bytes(make())
    ids = read_ids(path, load_config({"data": settings}).data)
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids, expected)


def test_a_key_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "frame.pth"
    path.write_bytes(save({"instance": IDS, "depth": IDS / 7}))
    with pytest.raises(IdMapError, match=r"data\.ids_key='ids'.*Its arrays: instance, depth"):
        read_ids(path, load_config({"data": {"ids_key": "ids"}}).data)


def test_an_expanded_map_within_bounds_is_read(tmp_path: Path) -> None:
    path = tmp_path / "frame.pth"
    path.write_bytes(save(torch.full((1, 1), 3, dtype=torch.uint8).expand(2000, 2000)))
    assert path.stat().st_size < 2_000
    ids = read_ids(path)
    assert ids.shape == (2000, 2000)
    assert (ids == 3).all()


@given(
    hnp.arrays(
        st.sampled_from(INTEGERS[2:]),
        st.tuples(st.integers(1, 6), st.integers(1, 6)),
        elements=st.integers(0, 2**15 - 1),
    ),
    st.booleans(),
)
def test_every_container_gives_the_same_ids(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, old_format: bool
) -> None:
    folder = tmp_path_factory.mktemp("ids")
    options = {"_use_new_zipfile_serialization": not old_format}
    (folder / "tensor.pth").write_bytes(save(torch.from_numpy(array), **options))
    (folder / "array.pth").write_bytes(save(array, **options))
    (folder / "array.npy").write_bytes(npy(array))
    (folder / "grey.png").write_bytes(png(array.astype(np.uint16)))
    for path in folder.iterdir():
        np.testing.assert_array_equal(read_ids(path), array)


def test_links_are_followed_and_broken_ones_named(tmp_path: Path) -> None:
    (tmp_path / "real.npy").write_bytes(npy(IDS))
    (tmp_path / "link.npy").symlink_to("real.npy")
    (tmp_path / "dangling.npy").symlink_to("nowhere.npy")
    (tmp_path / "loop.npy").symlink_to("loop.npy")
    np.testing.assert_array_equal(read_ids(tmp_path / "link.npy"), IDS)
    with pytest.raises(IdMapError, match="leads nowhere"):
        read_ids(tmp_path / "dangling.npy")
    with pytest.raises(IdMapError, match="in a circle"):
        read_ids(tmp_path / "loop.npy")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "zero.npy").symlink_to("/dev/zero")
    with pytest.raises(IdMapError, match="no regular file"):
        read_ids(tmp_path / "pipe.npy")
    with pytest.raises(IdMapError, match="is a directory"):
        read_ids(tmp_path / "folder.npy")
    with pytest.raises(IdMapError, match="no regular file"):
        read_ids(tmp_path / "zero.npy")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "frame.npy"
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole: it takes no space on the disk
    with pytest.raises(IdMapError, match="1099511627776 bytes; expected at most"):
        read_ids(path)
