"""The formats of other tools, one module each.

To add one, add a module here and a line to `FORMATS`. A module that exports defines `EXPORT`, a
`Format`; a module that imports defines the function `read`. Modules are imported on first use, so
that the command line can list all formats quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from pipeline.errors import ConfigError
from pipeline.packages import check_installed

if TYPE_CHECKING:
    from pipeline.exchange.formats.form import Format, Read


class Listed(NamedTuple):
    """A format's module, and its names on the command line."""

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
"""Modules by the name of the format on the command line."""


def find_format(name: str) -> Format:
    """Return the export format of a name.

    Raises
    ------
    ConfigError
        No format has this name, or a package that it needs is not installed.
    """
    form: Format = import_module(_module_of(name, EXPORTS)).EXPORT
    if form.needs:
        check_installed(form.needs, "export", form.name)
    return form


def find_reader(name: str) -> Read:
    """Return the function that reads files of the format of a name.

    Raises
    ------
    ConfigError
        No format has this name.
    """
    read: Read = import_module(_module_of(name, IMPORTS)).read
    return read


def _module_of(name: str, modules: dict[str, str]) -> str:
    if name not in modules:
        raise ConfigError(f"found the format {name!r}; expected one of {', '.join(modules)}")
    return f"{__name__}.{modules[name]}"
