"""labelme: a JSON for each frame, with a mask shape for each object; its group id is the object's.

A mask is a 1-bit PNG of the object's box, since polygons would lose pixels. The reader takes masks
and polygons; the id is the shape's group id, else a label that is a number.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.PngImagePlugin import PngImageFile

from pipeline.exchange.exported_frames import ExportedFrame, relative_link
from pipeline.exchange.formats.form import Context, Format, LabelledImage, Piece
from pipeline.exchange.input_files import files_below, read_json, refuse
from pipeline.exchange.masks.compose import BadLabel, Ids, Mask, check_id, check_size, compose
from pipeline.exchange.masks.objects import CutOut, cut_out
from pipeline.exchange.masks.png import as_png
from pipeline.exchange.masks.polygons import draw

FOLDER = "labels"
LABEL = "object"


def _encode(exported: ExportedFrame, ids: npt.NDArray[np.int32], context: Context) -> Piece:
    name = f"{FOLDER}/{exported.frame.scene}/{exported.name}.json"
    image = context.data_root / exported.image_file
    shapes = [_shape(found) for found in cut_out(ids)]
    sheet = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": relative_link(image, (context.folder / name).parent),
        "imageData": None,
        "imageHeight": ids.shape[0],
        "imageWidth": ids.shape[1],
    }
    content = json.dumps(sheet, indent=1, ensure_ascii=False)
    return Piece(files={name: content.encode()}, n_objects=len(shapes))


def _shape(found: CutOut) -> dict[str, object]:
    height, width = found.mask.shape
    return {
        "label": LABEL,
        "points": [
            [found.left, found.top],
            [found.left + width - 1, found.top + height - 1],
        ],
        "group_id": found.id,
        "description": "",
        "shape_type": "mask",
        "flags": {},
        "mask": base64.b64encode(as_png(found.mask)).decode(),
    }


EXPORT = Format(name="labelme", version=1, encode=_encode, owns=(FOLDER,), is_drawn_over_image=True)


EXPECTED = "a labelme file: an object with `shapes`, `imageHeight` and `imageWidth`"


def read(path: Path) -> Iterator[LabelledImage]:
    """Yield the images of labelme's files in a folder, or of one file.

    Raises
    ------
    DatasetError
        There is no file, or one is malformed.
    """
    for file, name in files_below(path, (".json",), "labelme files"):
        yield LabelledImage(name.rpartition(".")[0], None, partial(_load, file))


def _load(file: Path, _scene: str) -> Ids:
    sheet = read_json(file, EXPECTED)
    shapes = sheet.get("shapes")
    try:
        if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
            raise BadLabel("no list of `shapes`")
        height, width = check_size(sheet.get("imageHeight"), sheet.get("imageWidth"))
        return compose((_read_shape(shape, height, width) for shape in shapes), height, width)
    except BadLabel as finding:
        raise refuse(file, str(finding), EXPECTED) from None


def _read_shape(shape: Mapping[str, Any], height: int, width: int) -> Mask:
    label = shape.get("label")
    named = label if isinstance(label, str) and label.isdecimal() else None
    number = check_id(shape.get("group_id")) or check_id(named)
    kind, points = shape.get("shape_type", "polygon"), shape.get("points")
    if not isinstance(points, list) or not all(
        isinstance(point, list) and len(point) == 2 for point in points
    ):
        raise BadLabel("a shape without points")
    if kind == "polygon":
        ring = [value for point in points for value in point]
        return Mask(number, 0, 0, draw([ring], height, width))
    if kind != "mask":
        raise BadLabel(f"a {str(kind)[:20]}, which has no exact pixels; draw a mask or a polygon")
    if not points or not all(type(value) in (int, float) for value in points[0]):
        raise BadLabel("a mask without its corner")
    left, top = (int(value) if abs(value) < 1e6 else -1 for value in points[0])
    return Mask(number, top, left, _read_bits(shape.get("mask"), height, width))


def _read_bits(text: object, height: int, width: int) -> npt.NDArray[np.bool_]:
    try:
        content = base64.b64decode(str(text), validate=True)
        with PngImageFile(io.BytesIO(content)) as image:
            if image.size[0] > width or image.size[1] > height:
                raise BadLabel("larger than its image")
            pixels = np.asarray(image) > 0
    except (BadLabel, binascii.Error) as finding:
        raise BadLabel(f"a mask that is no PNG of bits ({finding})") from None
    except Exception as error:
        # Pillow raises a dozen exception types for broken files.
        raise BadLabel(f"a mask that is no whole PNG ({error})") from None
    if pixels.ndim != 2:
        raise BadLabel("a mask in colours")
    return pixels
