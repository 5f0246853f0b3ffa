"""The formats that ids are exported in, by name."""

from __future__ import annotations

from importlib.util import find_spec

from pipeline.errors import ConfigError
from pipeline.exchange.coco import COCO_RLE
from pipeline.exchange.cvat import CVAT
from pipeline.exchange.davis import DAVIS
from pipeline.exchange.formats import Format
from pipeline.exchange.labelme import LABELME
from pipeline.exchange.mots import MOTS_PNG
from pipeline.exchange.panoptic import COCO_PANOPTIC

_ALL = (COCO_RLE, COCO_PANOPTIC, MOTS_PNG, CVAT, LABELME, DAVIS)

FORMATS: dict[str, Format] = {form.name: form for form in _ALL}


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


def check_installed(package: str, purpose: str) -> None:
    """Check that a package is there which `autorefiner[export]` brings; no name asks for none.

    Raises
    ------
    ConfigError
        It is not.
    """
    if package and find_spec(package) is None:
        raise ConfigError(
            f"{purpose} needs {package}, which is not installed; install autorefiner[export]"
        )
