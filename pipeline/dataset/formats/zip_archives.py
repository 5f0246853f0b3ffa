"""Reading zip archives from untrusted files within bounds."""

from __future__ import annotations

import io
import zipfile

from pipeline.dataset.formats.contained_arrays import NotAnIdMap

SIGNATURE = b"PK\x03\x04"
MAX_ENTRIES = 1_000
"""Entries of a zip; one array takes about 7. Python's zipfile spends some 500 bytes on each."""


def open_archive(content: bytes) -> zipfile.ZipFile:
    """Open a zip archive of at most `MAX_ENTRIES` entries."""
    if content.count(b"PK\x01\x02") > MAX_ENTRIES:
        raise NotAnIdMap("a zip archive of very many entries")
    return zipfile.ZipFile(io.BytesIO(content))


def read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the bytes of an uncompressed entry; a compressed one might grow without bounds."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        raise NotAnIdMap("a compressed zip archive", "torch.save does not compress.")
    return archive.read(info)
