"""Images as bytes: files that are read, and files that are refused with the words of the error."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

RGB = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
GREY = RGB[..., 0]


def encode(array: Any, file_format: str = "PNG", mode: str | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, file_format, **options)
    return buffer.getvalue()


def oriented(orientation: int, file_format: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[274] = orientation
    return encode(RGB, file_format, exif=exif)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(width: int, height: int, *, bits: int = 8, colour: int = 2, rows: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def jpeg_of(width: int, height: int) -> bytes:
    """Make a small JPEG whose header claims another size."""
    content = bytearray(encode(RGB, "JPEG"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def jpeg_of_many_scans() -> bytes:
    content = encode(RGB, "JPEG", progressive=True)
    start = content.rindex(b"\xff\xda")
    return content[:start] + content[start:-2] * 200 + content[-2:]


def grey3(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=2)


ALPHA = np.dstack([RGB, GREY])
SIXTEEN = GREY.astype(np.uint16) * 256 + 77
GOOD: dict[str, tuple[Callable[[], bytes], np.ndarray | None]] = {
    "png": (lambda: encode(RGB), RGB),
    "jpeg": (lambda: encode(RGB, "JPEG"), None),
    "progressive jpeg": (lambda: encode(RGB, "JPEG", progressive=True), None),
    "grey jpeg": (lambda: encode(GREY, "JPEG"), None),
    "jpeg without end marker": (lambda: encode(RGB, "JPEG")[:-2], None),
    "jpeg with half an end marker": (lambda: encode(RGB, "JPEG")[:-1], None),
    "CMYK jpeg": (lambda: encode(RGB, "JPEG", "CMYK"), None),
    "grey": (lambda: encode(GREY), grey3(GREY)),
    "1-bit": (
        lambda: encode(GREY, mode="1"),
        grey3(np.asarray(Image.fromarray(GREY).convert("1")) * np.uint8(255)),
    ),
    "alpha is dropped": (lambda: encode(ALPHA), RGB),
    "grey with alpha": (lambda: encode(ALPHA[..., :1].repeat(2, axis=2)), grey3(RGB[..., 0])),
    "palette": (lambda: encode(GREY, mode="P"), grey3(GREY)),
    "palette with transparency": (
        lambda: encode(GREY, mode="P", transparency=bytes(range(256))),
        grey3(GREY),
    ),
    "colour key": (lambda: encode(RGB, transparency=tuple(map(int, RGB[0, 0]))), RGB),
    "16-bit grey keeps the high byte": (lambda: encode(SIXTEEN), grey3(GREY)),
    "16-bit RGB keeps the high byte": (
        lambda: png_of(1, 1, bits=16, rows=b"\0" + bytes([1, 200, 2, 200, 3, 200])),
        np.array([[[1, 2, 3]]], np.uint8),
    ),
    "1 x 1": (lambda: encode(RGB[:1, :1]), RGB[:1, :1]),
    "upright by EXIF": (lambda: oriented(1), None),
    "no orientation by EXIF": (lambda: oriented(0), None),
}

BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "an empty file"),
    "text": (lambda: b"hello", "no image; expected a JPEG or PNG image"),
    "html": (lambda: b"<!DOCTYPE html>", "a web page (HTML); expected a JPEG"),
    "gif called jpg": (lambda: encode(GREY, "GIF"), "a GIF image"),
    "bmp called jpg": (lambda: encode(RGB, "BMP"), "a BMP image"),
    "tiff called jpg": (lambda: encode(RGB, "TIFF"), "a TIFF image"),
    "webp called jpg": (lambda: encode(RGB, "WEBP"), "a WebP image"),
    "zip called jpg": (lambda: b"PK\x03\x04rest", "a zip archive"),
    "git lfs pointer": (lambda: b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    "truncated jpeg": (
        lambda: encode(RGB, "JPEG")[:-40],
        "a damaged image (pixels are missing at its end)",
    ),
    "truncated progressive jpeg": (
        lambda: encode(RGB, "JPEG", progressive=True)[:-2],
        "a damaged image (image file is truncated",
    ),
    "heic called jpg": (
        lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99),
        "a HEIC image; expected a JPEG or PNG image. Convert it",
    ),
    "avif called jpg": (lambda: encode(RGB, "AVIF"), "an AVIF image"),
    "zeros": (lambda: bytes(5000), "zeros only"),
    "git-annex pointer": (
        lambda: b"/annex/objects/SHA256E-s1--0.jpg\n",
        "a git-annex pointer in place of the file; expected a JPEG or PNG image. Fetch",
    ),
    "jpeg header only": (lambda: encode(RGB, "JPEG")[:100], "a damaged image"),
    "jpeg start only": (lambda: b"\xff\xd8\xff", "a damaged image"),
    "truncated png": (lambda: encode(RGB)[:-60], "a damaged image"),
    "corrupted png": (lambda: encode(RGB).replace(b"IDAT", b"IDAX"), "a damaged image"),
    "jpeg without tables": (
        lambda: encode(RGB, "JPEG").replace(b"\xff\xdb", b"\xff\xef"),
        "a damaged image",
    ),
    "png bomb": (lambda: png_of(20_000, 20_000), "20000 x 20000 pixels; expected at most"),
    "png of absurd size": (lambda: png_of(2**31 - 1, 2**31 - 1), "2147483647 pixels"),
    "jpeg bomb": (lambda: jpeg_of(65_000, 65_000), "65000 x 65000 pixels"),
    "png of no width": (lambda: png_of(0, 5), "a damaged image"),
    "png with too few rows": (lambda: png_of(3000, 3000, rows=bytes(100)), "a damaged image"),
    "jpeg of many scans": (jpeg_of_many_scans, "a JPEG of very many scans"),
    **{
        f"EXIF orientation {n}": (lambda n=n: oriented(n), f"EXIF orientation {n}")
        for n in range(2, 9)
    },
    "EXIF orientation in a png": (lambda: oriented(6, "PNG"), "EXIF orientation 6"),
}
