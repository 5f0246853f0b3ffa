"""CVAT for images 1.1: one XML for each scene, with a mask for each object of each frame.

CVAT has no tracks of masks, so the object's id is an attribute of its mask, `object_id`, which
annotators can set; the mask's group has it, too. The reader takes masks and polygons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from pipeline.dataset.files import MAX_FILE_BYTES
from pipeline.exchange.exported_frames import ExportedFrame
from pipeline.exchange.formats.form import Context, Format, Joined, LabelledImage, Piece, Section
from pipeline.exchange.input_files import files_below, refuse
from pipeline.exchange.masks.compose import (
    MAX_MASKS,
    BadLabel,
    Ids,
    Mask,
    check_id,
    check_size,
    compose,
)
from pipeline.exchange.masks.objects import CutOut, cut_out
from pipeline.exchange.masks.polygons import draw
from pipeline.exchange.masks.runs import BadRuns, mask_of, row_counts
from pipeline.ids import LARGEST_ID

LABEL = "object"
ID_ATTRIBUTE = "object_id"

_OPENING = f"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
<version>1.1</version>
<meta><task><labels><label><name>{LABEL}</name><type>mask</type><attributes><attribute>
<name>{ID_ATTRIBUTE}</name><mutable>False</mutable><input_type>number</input_type>
<default_value>0</default_value><values>0
{LARGEST_ID}
1</values></attribute></attributes></label></labels></task></meta>
"""


def _encode(exported: ExportedFrame, ids: npt.NDArray[np.int32], _context: Context) -> Piece:
    masks = [_mask(found) for found in cut_out(ids)]
    height, width = ids.shape
    image = (
        f'<image id="{exported.number}" name={quoteattr(exported.image_file)} '
        f'width="{width}" height="{height}">{"".join(masks)}</image>'
    )
    return Piece(lines={"images": [image]}, n_objects=len(masks))


def _mask(found: CutOut) -> str:
    height, width = found.mask.shape
    runs = ", ".join(map(str, row_counts(found.mask).tolist()))
    return (
        f'<mask label="{LABEL}" source="file" occluded="0" rle="{runs}" left="{found.left}" '
        f'top="{found.top}" width="{width}" height="{height}" z_order="0" group_id="{found.id}">'
        f'<attribute name="{ID_ATTRIBUTE}">{found.id}</attribute></mask>'
    )


EXPORT = Format(
    name="cvat",
    version=1,
    encode=_encode,
    owns=("annotations.xml", "annotations"),
    joined=Joined(
        stem="annotations",
        suffix=".xml",
        opening=_OPENING,
        sections=(Section("images", "", "\n", "\n"),),
        closing="</annotations>\n",
        per="scene",
    ),
    is_drawn_over_image=True,
)


EXPECTED = "CVAT for images 1.1: annotations with images, masks and polygons"
_ID_ATTRIBUTES = (ID_ATTRIBUTE, "instance_id", "track_id")
_OTHER_SHAPES = {"box", "polyline", "points", "ellipse", "cuboid", "skeleton"}


def read(path: Path) -> Iterator[LabelledImage]:
    """Yield the images of a CVAT file, or of all files in a folder, images without masks included.

    One image is in memory at a time.

    Raises
    ------
    DatasetError
        A file is not in CVAT's format for images, declares entities, or has a malformed entry.
    """
    for file, name in files_below(path, (".xml",), "CVAT files"):
        yield from _read_file(file, name.removesuffix(".xml"))


def _read_file(path: Path, scene: str) -> Iterator[LabelledImage]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise refuse(path, f"more than {MAX_FILE_BYTES} bytes", "a smaller file, by scene")
        yield from _read_images(path, scene)
    except DefusedXmlException:
        raise refuse(path, "a document type or entities", f"{EXPECTED}, without these") from None
    except (ParseError, LookupError, ValueError) as error:  # the last two for bad encodings
        raise refuse(path, f"no whole XML ({error})", EXPECTED) from None
    except OSError as error:
        raise refuse(path, (error.strerror or str(error)).lower(), EXPECTED) from None


def _read_images(path: Path, scene: str) -> Iterator[LabelledImage]:
    root: Element | None = None
    with path.open("rb") as file:
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
            if root is None:
                root = element
                if root.tag != "annotations":
                    raise refuse(path, f"XML of <{root.tag[:40]}>", EXPECTED)
            elif event == "end" and element.tag == "track":
                raise refuse(path, "tracks", f"{EXPECTED}; export it again as such")
            elif event == "end" and element.tag == "image":
                yield _read_image(path, scene, element)
                root.clear()  # otherwise all images read would stay in memory
    if root is None:
        raise refuse(path, "nothing", EXPECTED)


def _read_image(path: Path, scene: str, element: Element) -> LabelledImage:
    name = element.get("name")
    if not name:
        raise refuse(path, "an image without a name", EXPECTED)
    shapes = [
        {
            **shape.attrib,
            "tag": shape.tag,
            "attributes": {each.get("name"): each.text for each in shape.iter("attribute")},
        }
        for shape in element
    ]
    size = (element.get("height"), element.get("width"))
    return LabelledImage(name, scene, _Loader(f"{path}: {name}", size, shapes).load)


class _Loader:
    def __init__(self, where: str, size: tuple[Any, Any], shapes: list[dict[str, Any]]) -> None:
        self._where, self._size, self._shapes = where, size, shapes

    def load(self, _scene: str) -> Ids:
        try:
            if len(self._shapes) > MAX_MASKS:
                raise BadLabel(f"more than {MAX_MASKS} masks in one image")
            height, width = check_size(*(_whole_number(side) for side in self._size))
            # The sort is stable: shapes of one layer keep the order of the file.
            layers = sorted(self._shapes, key=lambda shape: _whole_number(shape.get("z_order", 0)))
            masks = (_read_shape(shape, height, width) for shape in layers)
            return compose((mask for mask in masks if mask), height, width)
        except (BadLabel, BadRuns) as finding:
            raise refuse(self._where, str(finding), "masks that fit their image") from None


def _whole_number(text: object) -> int:
    try:
        return int(str(text)[:20])
    except ValueError:
        raise BadLabel(f"{str(text)[:20]!r} in place of a whole number") from None


def _read_shape(shape: Mapping[str, Any], height: int, width: int) -> Mask | None:
    if shape["tag"] in _OTHER_SHAPES:
        raise BadLabel(f"a {shape['tag']}, which has no exact pixels; turn it into a mask")
    if shape["tag"] not in ("mask", "polygon"):
        return None  # tags and other elements that describe the image
    number = _object_id(shape)
    if shape["tag"] == "polygon":
        return Mask(number, 0, 0, draw([_read_points(shape.get("points", ""))], height, width))
    left, top, across, down = (
        _whole_number(shape.get(key)) for key in ("left", "top", "width", "height")
    )
    check_size(down, across)
    runs = _read_runs(shape.get("rle", ""), down * across)
    return Mask(number, top, left, mask_of(runs, down * across).reshape(down, across))


def _object_id(shape: Mapping[str, Any]) -> int | None:
    values = [shape["attributes"].get(name) for name in _ID_ATTRIBUTES]
    found = (check_id(value) for value in (*values, shape.get("group_id")))
    return next((number for number in found if number), None)


def _read_runs(text: str, size: int) -> npt.NDArray[np.int64]:
    if text.count(",") > size:
        raise BadLabel("more runs than pixels")
    return np.array([min(_whole_number(run), size + 1) for run in text.split(",")], np.int64)


def _read_points(text: str) -> list[float]:
    try:
        return [float(value) for point in text.split(";") for value in point.split(",")]
    except ValueError:
        raise BadLabel(f"points that are no numbers: {text[:40]!r}") from None
