"""Containers of id maps, one module each: how ids are read, and how results are written.

A new container is a module with a `CONTAINER`, and an entry in the list below.
"""

from pipeline.dataset.formats import hdf5, npy, npz, png, pth, tiff
from pipeline.dataset.formats.container import Container, ResultFormat

CONTAINERS: tuple[Container, ...] = (
    pth.CONTAINER,
    npy.CONTAINER,
    npz.CONTAINER,
    png.CONTAINER,
    tiff.CONTAINER,
    hdf5.CONTAINER,
)
"""In order of preference, for images that have ids in several containers."""

BY_SUFFIX = {suffix: container for container in CONTAINERS for suffix in container.suffixes}
IDS_SUFFIXES = tuple(BY_SUFFIX)
"""In lower case, in order of preference."""

RESULT_FORMATS: dict[str, ResultFormat] = {
    name: form for container in CONTAINERS for name, form in container.results.items()
}
"""By their names in `output.format`."""


def has_note(suffix: str, content: bytes) -> bool:
    """Return whether a file was written by this package: it then contains a note."""
    read_note = BY_SUFFIX[suffix].read_note
    try:
        return bool(read_note and read_note(content))
    except Exception:  # files of other tools may hold anything in that place
        return False


__all__ = [
    "BY_SUFFIX",
    "CONTAINERS",
    "IDS_SUFFIXES",
    "RESULT_FORMATS",
    "Container",
    "ResultFormat",
    "has_note",
]
