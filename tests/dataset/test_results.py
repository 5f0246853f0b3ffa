"""Results are whole or absent, readable by other tools, and hold their provenance."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from pipeline.dataset import is_whole, read_ids, read_provenance, write_ids
from pipeline.dataset.files import TEMP_PREFIX
from pipeline.dataset.formats import RESULT_FORMATS
from pipeline.errors import FrameError, IdRangeError, StorageError

IDS = np.array([[0, 1, 2], [300, 32_767, 7]])
PROVENANCE = {"settings": "0123456789abcdef", "inputs": 'ünï "q" \n', "stats": "{}"}
SUFFIXES = {name: form.suffix for name, form in RESULT_FORMATS.items()}
FORMATS = tuple(SUFFIXES)


def write(folder: Path, output_format: str, ids: Any = IDS) -> Path:
    path = folder / "scene" / "obj_ids_refine" / f"frame.jpg{SUFFIXES[output_format]}"
    write_ids(path, ids, output_format, PROVENANCE)
    return path


id_maps = hnp.arrays(
    st.sampled_from((np.uint8, np.uint16, np.int32, np.int64)),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.integers(0, 255),
) | hnp.arrays(
    np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 32_767)
)


@pytest.mark.parametrize("output_format", FORMATS)
@given(
    ids=id_maps, provenance=st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3)
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    output_format: str,
    ids: np.ndarray,
    provenance: dict[str, str],
) -> None:
    path = tmp_path_factory.mktemp("out") / f"frame.jpg{SUFFIXES[output_format]}"
    write_ids(path, ids, output_format, provenance)
    np.testing.assert_array_equal(read_ids(path), ids)
    assert read_provenance(path) == provenance
    assert is_whole(path)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.filterwarnings("error")
def test_others_read_the_formats(tmp_path: Path) -> None:
    tensor = torch.load(write(tmp_path, "pth"), weights_only=True)
    assert tensor.dtype == torch.uint16
    np.testing.assert_array_equal(tensor.numpy(), IDS)
    mapped = torch.load(write(tmp_path, "pth"), weights_only=True, mmap=True)
    np.testing.assert_array_equal(mapped.numpy(), IDS)

    array = torch.load(write(tmp_path, "pth-numpy"), weights_only=False)
    assert isinstance(array, np.ndarray)
    assert array.dtype == np.uint16
    np.testing.assert_array_equal(array, IDS)

    for mmap_mode in (None, "r"):
        array = np.load(write(tmp_path, "npy"), mmap_mode=mmap_mode)
        assert array.dtype == np.int16
        np.testing.assert_array_equal(array, IDS)

    with np.load(write(tmp_path, "npz")) as arrays:
        assert arrays["ids"].dtype == np.uint16
        np.testing.assert_array_equal(arrays["ids"], IDS)

    with Image.open(write(tmp_path, "png")) as image:
        assert image.mode == "I;16"
        np.testing.assert_array_equal(np.asarray(image), IDS)


def test_numpy_inside_pth_suits_numpy_1(tmp_path: Path) -> None:
    content = write(tmp_path, "pth-numpy").read_bytes()
    assert b"numpy.core.multiarray" in content
    assert b"numpy._core" not in content
    assert b"numpy._core" in pickle.dumps(IDS, protocol=2), "the replacement has nothing to do"


@pytest.mark.parametrize("output_format", FORMATS)
def test_same_ids_same_bytes(tmp_path: Path, output_format: str) -> None:
    content = write(tmp_path / "a", output_format).read_bytes()
    write(tmp_path / "b", output_format, IDS // 2)
    for dtype in (np.int16, np.uint16, np.int64):
        again = write(tmp_path / "b", output_format, np.asfortranarray(IDS.astype(dtype)))
        assert again.read_bytes() == content


@pytest.mark.slow
def test_same_bytes_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys, numpy, pathlib, pipeline.dataset\n"
        f"for name, suffix in {SUFFIXES}.items():\n"
        "    path = pathlib.Path(sys.argv[1], name + suffix)\n"
        f"    ids = numpy.array({IDS.tolist()})\n"
        f"    pipeline.dataset.write_ids(path, ids, name, {PROVENANCE})"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, env=environment)
    for output_format, suffix in SUFFIXES.items():
        elsewhere = (tmp_path / f"{output_format}{suffix}").read_bytes()
        assert write(tmp_path, output_format).read_bytes() == elsewhere


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize(("smallest", "largest"), [(0, 65_536), (-1, 5), (0, 2**40)])
def test_ids_are_never_wrapped(
    tmp_path: Path, output_format: str, smallest: int, largest: int
) -> None:
    with pytest.raises(IdRangeError, match="expected ids from 0 to"):
        write(tmp_path, output_format, np.array([[smallest, largest]]))
    assert list(tmp_path.iterdir()) == []


def test_npy_holds_15_bits(tmp_path: Path) -> None:
    with pytest.raises(IdRangeError, match="id 32768; expected ids from 0 to 32767"):
        write(tmp_path, "npy", np.array([[32_768]]))
    for output_format in {*FORMATS} - {"npy"}:
        assert read_ids(write(tmp_path, output_format, np.array([[65_535]])))[0, 0] == 65_535


@pytest.mark.parametrize("output_format", FORMATS)
def test_no_truncation_passes_for_whole(tmp_path: Path, output_format: str) -> None:
    path = write(tmp_path, output_format)
    size = path.stat().st_size
    for length in reversed(range(size)):
        os.truncate(path, length)
        whole = is_whole(path)
        # An .npy file cut exactly between ids and provenance is a whole file without provenance.
        bare_npy = output_format == "npy" and length == 128 + IDS.size * 2
        assert whole == bare_npy, f"{length} of {size} bytes"
        assert not whole or read_provenance(path) == {}


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "frame.jpg.pth"
    assert not is_whole(path)
    assert read_provenance(path) == {}
    torch.save(torch.from_numpy(IDS), path)
    assert is_whole(path)
    assert read_provenance(path) == {}
    np.save(tmp_path / "frame.jpg.npy", IDS)
    assert is_whole(tmp_path / "frame.jpg.npy")
    assert read_provenance(tmp_path / "frame.jpg.npy") == {}
    Image.fromarray(IDS.astype(np.uint16)).save(tmp_path / "frame.jpg.png")
    assert is_whole(tmp_path / "frame.jpg.png")
    assert read_provenance(tmp_path / "frame.jpg.png") == {}


def test_a_compressed_note_is_not_inflated(tmp_path: Path) -> None:
    path = write(tmp_path, "pth")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "bomb.pth", "w") as new:
        for name in old.namelist():
            if not name.endswith("autorefiner.json"):
                new.writestr(name, old.read(name))
        bomb = b'{"settings": "' + b"0" * 50_000_000 + b'"}'
        new.writestr("archive/autorefiner.json", bomb, zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    try:
        assert read_provenance(tmp_path / "bomb.pth") == {}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    "note", [b"[1]", b"null", b"[" * 90_000, b"{" + b" " * 200_000 + b"}", b"\xff"]
)
def test_hostile_provenance_is_none(tmp_path: Path, note: bytes) -> None:
    path = tmp_path / "frame.jpg.npy"
    with path.open("wb") as file:
        np.save(file, IDS)
        np.save(file, np.frombuffer(note, np.uint8)[None])
    assert read_provenance(path) == {}


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.EIO, "broken")], ids=repr)
def test_an_interrupted_write_leaves_the_old_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    path = write(tmp_path, "pth")
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise failure

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((KeyboardInterrupt, FrameError)):
        write(tmp_path, "pth", IDS + 1)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.slow
def test_a_killed_write_leaves_a_file_that_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "frame.jpg.pth"
    code = (
        "import numpy, os, pathlib, signal, pipeline.dataset as dataset\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"dataset.write_ids(pathlib.Path({str(path)!r}), numpy.ones((9, 9), int), 'pth', {{}})"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    [leftover] = tmp_path.iterdir()
    assert leftover.name.startswith(TEMP_PREFIX)
    assert not is_whole(leftover)
    assert not is_whole(path)


def test_leftovers_of_dead_writers_are_removed(tmp_path: Path) -> None:
    names = [f"{TEMP_PREFIX}dead.tmp", f"{TEMP_PREFIX}alive.tmp", ".autorefiner", "frame.jpg.tmp"]
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, time.time() if "alive" in name else 0))
    write_ids(tmp_path / "frame.jpg.pth", IDS, "pth", {})
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"frame.jpg.pth", *names[1:]}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match=r"set output\.root to a folder elsewhere"):
        write(tmp_path, "pth")
    assert list((tmp_path / "scene" / "obj_ids_refine").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_the_kernel_says_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def open_full(path: Path, mode: str) -> Any:
        opened(path, mode).close()
        return opened(Path("/dev/full"), "wb", buffering=0)

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(StorageError, match="no space left"):
        write(tmp_path, "pth")
    assert list((tmp_path / "scene" / "obj_ids_refine").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_forbidden_folder_fails_the_frame(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FrameError, match="permission denied"):
        write(tmp_path, "pth")


def test_what_cannot_be_a_folder_fails_the_frame(tmp_path: Path) -> None:
    (tmp_path / "scene").write_text("a file")
    with pytest.raises(FrameError, match="expected a folder that results can be written to"):
        write(tmp_path, "pth")


def test_a_name_too_long_fails_the_frame(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="a name of 256 bytes"):
        write_ids(tmp_path / ("x" * 252 + ".pth"), IDS, "pth", {})
    assert list(tmp_path.iterdir()) == []


def test_links_lead_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    scene = tmp_path / "scene"
    scene.mkdir()
    (scene / "obj_ids_refine").symlink_to(outside)
    with pytest.raises(FrameError, match="found a link; expected a folder of its own"):
        write(tmp_path, "pth")
    assert list(outside.iterdir()) == []


def test_a_link_in_place_of_a_result_is_replaced_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "precious.pth"
    outside.write_text("mine")
    folder = tmp_path / "scene" / "obj_ids_refine"
    folder.mkdir(parents=True)
    (folder / "frame.jpg.pth").symlink_to(outside)
    path = write(tmp_path, "pth")
    assert outside.read_text() == "mine"
    assert not path.is_symlink()
    assert is_whole(path)


def test_results_have_the_usual_permissions(tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    beside.touch()
    assert write(tmp_path, "pth").stat().st_mode == beside.stat().st_mode


@pytest.mark.parametrize(
    "name",
    ["a b", "ünï-日本", 'it\'s "q"', "new\nline", "<script>", "-rf", "two.dots.jpg", "x" * 240],
)
def test_odd_names_are_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / f"{name}.jpg.pth"
    write_ids(path, IDS, "pth", {})
    assert is_whole(path)
