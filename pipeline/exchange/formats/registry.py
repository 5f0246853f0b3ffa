"""The formats that ids are exported in and imported from, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.errors import ConfigError
from pipeline.exchange.formats.coco import COCO_RLE, read_coco
from pipeline.exchange.formats.cvat import CVAT, read_cvat
from pipeline.exchange.formats.davis import DAVIS
from pipeline.exchange.formats.form import Format
from pipeline.exchange.formats.labelme import LABELME, read_labelme
from pipeline.exchange.formats.labels import read_labels, read_mots
from pipeline.exchange.formats.mots import MOTS_PNG
from pipeline.exchange.formats.panoptic import COCO_PANOPTIC, read_panoptic
from pipeline.exchange.installed import check_installed
from pipeline.exchange.masks.labelled import LabelledImage

_ALL = (COCO_RLE, COCO_PANOPTIC, MOTS_PNG, CVAT, LABELME, DAVIS)

FORMATS: dict[str, Format] = {form.name: form for form in _ALL}
READERS: dict[str, Callable[[Path], Iterator[LabelledImage]]] = {
    "coco": read_coco,
    "coco-panoptic": read_panoptic,
    "cvat": read_cvat,
    "labelme": read_labelme,
    "labels": read_labels,
    "mots-png": read_mots,
}


def find_format(name: str) -> Format:
    """Return the format of a name.

    Raises
    ------
    ConfigError
        There is none, or the package that it needs is not installed.
    """
    if name not in FORMATS:
        raise ConfigError(f"found the format {name!r}; expected one of {', '.join(FORMATS)}")
    form = FORMATS[name]
    check_installed(form.needs, form.name)
    return form


def find_reader(name: str) -> Callable[[Path], Iterator[LabelledImage]]:
    """Return what reads the files of a format.

    Raises
    ------
    ConfigError
        There is none of this name.
    """
    if name not in READERS:
        raise ConfigError(f"found the format {name!r}; expected one of {', '.join(READERS)}")
    return READERS[name]
