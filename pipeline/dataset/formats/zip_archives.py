"""Reading zip archives from untrusted files within bounds, and adding entries to one's own."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from pipeline.dataset.files import count_marks
from pipeline.dataset.formats.contained_arrays import NotAnIdMap

SIGNATURE = b"PK\x03\x04"
DIRECTORY_SIGNATURE = b"PK\x01\x02"
MAX_ENTRIES = 1_000
"""Entries of a zip; one array takes about 7. Python's zipfile spends some 500 bytes on each."""


def open_archive(content: bytes) -> zipfile.ZipFile:
    """Open a zip archive of at most `MAX_ENTRIES` entries."""
    if count_marks(content, DIRECTORY_SIGNATURE) > MAX_ENTRIES:
        raise NotAnIdMap("a zip archive of very many entries")
    return zipfile.ZipFile(io.BytesIO(content))


def read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the bytes of an uncompressed entry; a compressed one might grow without bounds."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        raise NotAnIdMap("a compressed zip archive", "torch.save does not compress.")
    return archive.read(info)


def add_entries(
    buffer: io.BytesIO, entries: Mapping[str, bytes], method: int = zipfile.ZIP_STORED
) -> None:
    """Add entries to an archive, or to an empty buffer; the same entries give the same bytes."""
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, content in entries.items():
            # A ZipInfo made here is dated 1980, so that the bytes do not depend on the clock.
            archive.writestr(zipfile.ZipInfo(name), content, method)
