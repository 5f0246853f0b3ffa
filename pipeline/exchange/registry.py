"""The formats that ids are exported in and imported from, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.errors import ConfigError
from pipeline.exchange.coco import COCO_RLE, read_coco
from pipeline.exchange.cvat import CVAT, read_cvat
from pipeline.exchange.davis import DAVIS
from pipeline.exchange.formats import Format
from pipeline.exchange.installed import check_installed
from pipeline.exchange.labelled import LabelledImage
from pipeline.exchange.labelme import LABELME, read_labelme
from pipeline.exchange.labels import read_labels, read_mots
from pipeline.exchange.mots import MOTS_PNG
from pipeline.exchange.panoptic import COCO_PANOPTIC, read_panoptic

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
