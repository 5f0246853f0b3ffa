"""Images of all kinds are read, and others are refused with helpful errors."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.dataset import read_image
from pipeline.errors import ImageError
from tests.dataset.image_files import BAD, GOOD, RGB, encode


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".jpeg", ".png", ".PNG"])
@pytest.mark.parametrize("name", GOOD)
def test_reads(tmp_path: Path, name: str, suffix: str) -> None:
    make, expected = GOOD[name]
    path = tmp_path / f"image{suffix}"
    path.write_bytes(make())
    image = read_image(path)
    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    assert image.flags.writeable
    if expected is not None:
        np.testing.assert_array_equal(image, expected)


def test_a_jpeg_looks_like_its_original(tmp_path: Path) -> None:
    smooth = np.mgrid[0:32, 0:48].sum(axis=0).astype(np.uint8) * 3
    original = np.dstack([smooth, 255 - smooth, smooth // 2])
    for mode in ("RGB", "CMYK"):
        path = tmp_path / f"{mode}.jpg"
        path.write_bytes(encode(original, "JPEG", mode, quality=95))
        assert np.abs(read_image(path).astype(int) - original).mean() < 5


@pytest.mark.parametrize("quality", [30, 95])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_end_marker_has_the_same_pixels(
    tmp_path: Path, mode: str, quality: int
) -> None:
    whole = encode(RGB, "JPEG", mode, quality=quality)
    path = tmp_path / "image.jpg"
    path.write_bytes(whole)
    expected = read_image(path)
    for missing in (1, 2):
        path.write_bytes(whole[:-missing])
        np.testing.assert_array_equal(read_image(path), expected)


@given(
    st.integers(3, 80),
    st.integers(0, 255),
    st.sampled_from(["flat", "ramp", "noise"]),
    st.sampled_from([0, 1, 2]),
)
def test_a_jpeg_that_lacks_pixels_is_refused(
    tmp_path_factory: pytest.TempPathFactory, missing: int, seed: int, kind: str, subsampling: int
) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(40, 120, 2)
    drawn = {
        "flat": np.full((height, width, 3), seed),
        "ramp": np.mgrid[:height, :width].sum(axis=0)[..., None] + [0, 50, 100],
        "noise": rng.integers(0, 256, (height, width, 3)),
    }[kind].astype(np.uint8)
    whole = encode(drawn, "JPEG", subsampling=subsampling, quality=80)
    assume(missing < len(whole) - whole.rindex(b"\xff\xda") - 20)
    path = tmp_path_factory.mktemp("image") / "image.jpg"
    path.write_bytes(whole[:-missing])
    with pytest.raises(ImageError, match="damaged image"):
        read_image(path)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_png_is_exact(tmp_path_factory: pytest.TempPathFactory, image: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("image") / "image.png"
    path.write_bytes(encode(image))
    np.testing.assert_array_equal(read_image(path), image)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", BAD)
def test_refuses(tmp_path: Path, name: str) -> None:
    make, message = BAD[name]
    path = tmp_path / "image.jpg"
    content = make()
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ImageError) as caught:
            read_image(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert peak < 2_000_000 + 8 * len(content)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0not TIFF", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0"]
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_broken_metadata_is_no_concern(tmp_path: Path, exif: bytes, file_format: str) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(encode(RGB, file_format, exif=exif))
    assert read_image(path).shape == RGB.shape


@pytest.mark.slow
def test_broken_metadata_does_not_show_on_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(encode(RGB, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff broken"))
    # A separate process is needed because pytest replaces the filters of warnings.
    read = (
        "import pathlib, sys; from pipeline.dataset import read_image; "
        "print(read_image(pathlib.Path(sys.argv[1])).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", read, path],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("(12, 16, 3)\n", "")


def test_special_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "dangling.jpg").symlink_to("nowhere")
    with pytest.raises(ImageError, match="no regular file"):
        read_image(tmp_path / "pipe.jpg")
    (tmp_path / "annexed.jpg").symlink_to("../.git/annex/objects/1f/Qx/SHA256E-s9/SHA256E-s9")
    with pytest.raises(ImageError, match="leads nowhere"):
        read_image(tmp_path / "dangling.jpg")
    with pytest.raises(ImageError, match=r"found a git-annex pointer.*git annex get"):
        read_image(tmp_path / "annexed.jpg")


@pytest.mark.parametrize(
    "name", ["a b.jpg", "ünï-日本.jpg", 'it\'s "q".jpg', "new\nline.jpg", "<script>.jpg", "-rf.jpg"]
)
def test_odd_names_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(encode(RGB))
    np.testing.assert_array_equal(read_image(tmp_path / name), RGB)
