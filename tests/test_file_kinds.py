"""Names of files by their first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.file_kinds import advice_on, guess_format


def media(*brands: bytes) -> bytes:
    box = b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])
    return (4 + len(box)).to_bytes(4, "big") + box + b"\0\0\0\x08mdat"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (media(b"heic", b"mif1", b"heic"), "a HEIC image"),
        (media(b"mif1", b"mif1", b"heic"), "a HEIC image"),
        (media(b"mif1", b"mif1", b"avif", b"miaf"), "an AVIF image"),
        (media(b"mif1", b"mif1"), "a HEIF image"),
        (media(b"isom", b"iso2", b"avc1"), "an MP4 video"),
        (media(b"what"), "a video or picture in an ISO media file"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "a WebP image"),
        (b"RIFF\x10\0\0\0AVI LIST", "an AVI video"),
        (b"RIFF\x10\0\0\0what", "a RIFF file"),
        (b"GIF89a", "a GIF image"),
        (b"%PDF-1.7", "a PDF document"),
        (b"II*\0\x08", "a TIFF image"),
        (b"BM6\x03", "a BMP image"),
        (b"\n <!DOCTYPE HTML><title>429</title>", "a web page (HTML)"),
        (b"\xef\xbb\xbf<html>", "a web page (HTML)"),
        (b'<?xml version="1.0"?><svg width="3">', "an SVG drawing"),
        (b'<?xml version="1.0"?><Error/>', "a text file (XML)"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
        (b"/annex/objects/MD5E-s7--2.jpg\n", "a git-annex pointer"),
        (b"../../.git/annex/objects/1f/Qx/MD5E-s7", "a git-annex pointer"),
        (bytes(4096), "zeros only"),
    ],
)
def test_names(content: bytes, name: str) -> None:
    assert (guess_format(content) or "").startswith(name)


def test_what_is_not_known_has_no_name() -> None:
    assert guess_format(b"") is None
    assert guess_format(b"hello") is None


def test_pointers_pages_and_zeros_say_what_to_do() -> None:
    for content, words in (
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"/annex/objects/MD5E-s7", "git annex get"),
        (b"<html>", "download the file again"),
        (bytes(9), "Copy the file again"),
    ):
        assert words in advice_on(guess_format(content) or "")
    assert advice_on("a GIF image") == ""


@given(st.binary(max_size=64), st.sampled_from([b"", b"\0\0\0\x20ftyp", b"RIFF", b"<", b"\xef"]))
def test_anything_at_all_is_looked_at_without_an_error(rest: bytes, start: bytes) -> None:
    name = guess_format(start + rest)
    assert name is None or name.startswith(("a", "zeros"))
