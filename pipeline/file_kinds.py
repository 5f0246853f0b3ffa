"""Names of file formats by their first bytes, for messages about files of the wrong kind."""

from __future__ import annotations

HEAD_BYTES = 1024
"""Largest number of bytes that `guess_format` reads."""

_FORMATS = {
    b"GIF8": "a GIF image",
    b"BM": "a BMP image",
    b"II*\0": "a TIFF image",
    b"MM\0*": "a TIFF image",
    b"II+\0": "a BigTIFF image",
    b"MM\0+": "a BigTIFF image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\xff\x0a": "a JPEG XL image",
    b"\0\0\0\x0cJXL ": "a JPEG XL image",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 image",
    b"\xff\x4f\xff\x51": "a JPEG 2000 image",
    b"\x89PNG": "a PNG image",
    b"\x76\x2f\x31\x01": "an OpenEXR image",
    b"8BPS": "a Photoshop file",
    b"#?RADIANCE": "a Radiance HDR image",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "an .npy file",
    b"\x89HDF": "an HDF5 file",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"(\xb5/\xfd": "a zstd archive",
}
_BRANDS = {
    b"avif": "an AVIF image",
    b"avis": "an AVIF image",
    b"heic": "a HEIC image",
    b"heix": "a HEIC image",
    b"heim": "a HEIC image",
    b"heis": "a HEIC image",
    b"hevc": "a HEIC image",
    b"hevx": "a HEIC image",
    b"mif1": "a HEIF image",
    b"msf1": "a HEIF image",
    b"crx ": "a Canon raw image",
    b"qt  ": "a QuickTime video",
    b"isom": "an MP4 video",
    b"iso2": "an MP4 video",
    b"mp41": "an MP4 video",
    b"mp42": "an MP4 video",
    b"M4V ": "an MP4 video",
}
"""Brands of ISO media files, in which phones save pictures and videos."""

_RIFF = {b"WEBP": "a WebP image", b"AVI ": "an AVI video", b"WAVE": "a WAV sound"}

_PAGE = (b"<!doctype html", b"<html", b"<head", b"<body")

_LFS = "a Git LFS pointer in place of the file"
_ANNEX = "a git-annex pointer in place of the file"
_PAGE_NAME = "a web page (HTML)"
_ZEROS = "zeros only, as a copy or a machine that crashed leaves them"
_ADVICE = {
    _LFS: "Fetch the content with `git lfs pull`.",
    _ANNEX: "Fetch the content with `git annex get .` (or `datalad get .`).",
    _PAGE_NAME: "A server sent it in place of the file: download the file again.",
    _ZEROS: "Copy the file again.",
}


def guess_format(content: bytes) -> str | None:
    """Return the name of a file's format, by its first bytes, for messages.

    Returns
    -------
    str or None
        With its article, such as "a GIF image"; None for an unknown format.
    """
    head = content.removeprefix(b"\xef\xbb\xbf")[:HEAD_BYTES]
    if head and not head.strip(b"\0"):
        return _ZEROS
    if head[4:8] == b"ftyp":
        return _name_media(head)
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12], "a RIFF file")
    by_magic = (name for magic, name in _FORMATS.items() if head.startswith(magic))
    return _name_text(head) or next(by_magic, None)


def advice_on(found: str) -> str:
    """Return what to do about a file of a format that `guess_format` named; may be empty."""
    return _ADVICE.get(found, "")


def _name_media(head: bytes) -> str:
    """Name an ISO media file by its main brand, or else by the first known compatible one."""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, length, 4))]
    known = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    # `mif1` only means that the file holds pictures; later brands name their coding.
    telling = [name for name in known if name != "a HEIF image"]
    return next(iter(telling or known), "a video or picture in an ISO media file")


def _name_text(head: bytes) -> str | None:
    """Name the kind of a text that stands in place of a file: a pointer, a web page, markup."""
    if head.startswith(b"version https://git-lfs"):
        return _LFS
    if b"/annex/objects/" in head.partition(b"\n")[0]:
        return _ANNEX
    text = head.lstrip().lower()
    if text.startswith(_PAGE):
        return _PAGE_NAME
    if text.startswith(b"<"):
        return "an SVG drawing" if b"<svg" in text else "a text file (XML)"
    return None
