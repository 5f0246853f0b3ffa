"""labelme: a JSON for each frame, with a mask shape for each object; its group id is the object's.

A mask is a PNG of bits within the object's box, so no pixel is lost, as polygons would.
"""

from __future__ import annotations

import base64
import json

import numpy as np
import numpy.typing as npt

from pipeline.exchange.formats import Context, Format, Piece
from pipeline.exchange.objects import CutOut, cut_out
from pipeline.exchange.pictures import as_png
from pipeline.exchange.places import Place, relative_link

FOLDER = "labels"
LABEL = "object"


def _encode(place: Place, ids: npt.NDArray[np.int32], context: Context) -> Piece:
    name = f"{FOLDER}/{place.frame.scene}/{place.name}.json"
    image = context.data_root / place.image_file
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


LABELME = Format(name="labelme", version=1, encode=_encode, owns=(FOLDER,))
