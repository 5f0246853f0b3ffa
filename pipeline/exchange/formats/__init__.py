"""The formats of other tools, one module each.

A new one is a module here and a line in the list below. What is exported is an `EXPORT` in its
module, a `Format`; what is imported is read by its function `read`. Modules are imported when they
are asked for, so that the command line can name all formats without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from pipeline.errors import ConfigError
from pipeline.packages import check_installed

if TYPE_CHECKING:
    from pipeline.exchange.formats.form import Format, Read


class Listed(NamedTuple):
    """A module of this room, and the names that users have for it."""

    module: str
    exported_as: str | None
    imported_as: str | None


FORMATS = (
    Listed("coco", "coco-rle", "coco"),
    Listed("panoptic", "coco-panoptic", "coco-panoptic"),
    Listed("mots", "mots-png", "mots-png"),
    Listed("cvat", "cvat", "cvat"),
    Listed("labelme", "labelme", "labelme"),
    Listed("davis", "davis", None),
    Listed("labels", None, "labels"),
)

EXPORTS = {each.exported_as: each.module for each in FORMATS if each.exported_as}
IMPORTS = {each.imported_as: each.module for each in FORMATS if each.imported_as}
"""Modules by the name that users have for an export, or an import."""


def find_format(name: str) -> Format:
    """Return the format of an export's name.

    Raises
    ------
    ConfigError
        There is none, or the package that it needs is not installed.
    """
    form: Format = import_module(_module_of(name, EXPORTS)).EXPORT
    if form.needs:
        check_installed(form.needs, "export", form.name)
    return form


def find_reader(name: str) -> Read:
    """Return what reads the files of a format.

    Raises
    ------
    ConfigError
        There is none of this name.
    """
    read: Read = import_module(_module_of(name, IMPORTS)).read
    return read


def _module_of(name: str, modules: dict[str, str]) -> str:
    if name not in modules:
        raise ConfigError(f"found the format {name!r}; expected one of {', '.join(modules)}")
    return f"{__name__}.{modules[name]}"
