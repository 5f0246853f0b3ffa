"""COCO panoptic: a PNG for each frame whose colours are ids, and one JSON that lists the segments.

The id of a colour is R + 256 G + 65536 B; it is the object's id in its scene.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.exchange.coco import CATEGORY, OPENING, as_json, image_entry, json_list, video_line
from pipeline.exchange.formats import Context, Format, Joined, Piece
from pipeline.exchange.objects import cut_out
from pipeline.exchange.pictures import as_png
from pipeline.exchange.places import Place

FOLDER = "panoptic"
_CATEGORY = {**CATEGORY, "isthing": 1, "color": [220, 20, 60]}


def _encode(place: Place, ids: npt.NDArray[np.int32], _context: Context) -> Piece:
    name = f"{place.frame.scene}/{place.name}.png"
    segments = [
        {
            "id": found.id,
            "category_id": CATEGORY["id"],
            "area": found.area,
            "bbox": [found.left, found.top, found.mask.shape[1], found.mask.shape[0]],
            "iscrowd": 0,
            "track_id": place.track_number(found.id),
            "instance_id": found.id,
        }
        for found in cut_out(ids)
    ]
    entry = {"image_id": place.image_number, "file_name": name, "segments_info": segments}
    colours = np.stack([ids & 255, ids >> 8, np.zeros_like(ids)], axis=-1).astype(np.uint8)
    return Piece(
        files={f"{FOLDER}/{name}": as_png(colours)},
        lines={
            "videos": video_line(place),
            "images": [as_json(image_entry(place, ids.shape))],
            "annotations": [as_json(entry)],
        },
        n_objects=len(segments),
    )


COCO_PANOPTIC = Format(
    name="coco-panoptic",
    version=1,
    encode=_encode,
    owns=(FOLDER, "panoptic.json"),
    joined=Joined(
        stem="panoptic",
        suffix=".json",
        opening=OPENING,
        sections=(json_list("videos"), json_list("images"), json_list("annotations")),
        closing=f',\n"categories":[{as_json(_CATEGORY)}]}}\n',
        per="dataset",
    ),
)
