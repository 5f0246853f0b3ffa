"""COCO instance annotations: one JSON of images and masks as compressed run lengths.

An object is a track: `instance_id` is its id in the scene, `track_id` a number that no object of
another scene has, and `video_id`, `frame_id` say where in which scene an image is.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.exchange.formats import Context, Format, Joined, Piece, Section
from pipeline.exchange.places import Place
from pipeline.exchange.runs import column_counts

CATEGORY = {"id": 1, "name": "object", "supercategory": "object"}
OPENING = '{"info":{"description":"instance ids, exported by AutoRefiner"}'


def as_json(entry: object) -> str:
    """Return one line of JSON without spaces."""
    return json.dumps(entry, separators=(",", ":"))


def video_line(place: Place) -> list[str]:
    """Return the entry of the scene, at its first frame."""
    if place.number:
        return []
    return [as_json({"id": place.scene_number, "name": place.frame.scene})]


def image_entry(place: Place, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the entry of an image, whose size is that of its ids."""
    return {
        "id": place.image_number,
        "file_name": place.image_file,
        "width": shape[1],
        "height": shape[0],
        "video_id": place.scene_number,
        "frame_id": place.number,
        "scene": place.frame.scene,
    }


def json_list(name: str) -> Section:
    """Return a section that is a list of JSON objects, one a line."""
    return Section(name, f',\n"{name}":[\n', ",\n", "\n]")


def _encode(place: Place, ids: npt.NDArray[np.int32], _context: Context) -> Piece:
    from pycocotools import mask as coco_masks

    size = [*ids.shape]
    counts = [
        (object_id, {"size": size, "counts": runs.tolist()})
        for object_id, runs in column_counts(ids)
    ]
    masks = coco_masks.frPyObjects([runs for _, runs in counts], *size) if counts else []
    annotations = []
    for (object_id, _), mask in zip(counts, masks, strict=True):
        entry = {
            "id": place.mask_number(object_id),
            "image_id": place.image_number,
            "video_id": place.scene_number,
            "category_id": CATEGORY["id"],
            "track_id": place.track_number(object_id),
            "instance_id": object_id,
            "iscrowd": 0,
            "area": int(coco_masks.area(mask)),
            "bbox": coco_masks.toBbox(mask).tolist(),
            "segmentation": {"size": size, "counts": mask["counts"].decode()},
        }
        annotations.append(as_json(entry))
    lines = {
        "videos": video_line(place),
        "images": [as_json(image_entry(place, ids.shape))],
        "annotations": annotations,
    }
    return Piece(lines=lines, n_objects=len(counts))


COCO_RLE = Format(
    name="coco-rle",
    version=1,
    encode=_encode,
    owns=("instances.json", "instances"),
    joined=Joined(
        stem="instances",
        suffix=".json",
        opening=OPENING,
        sections=(json_list("videos"), json_list("images"), json_list("annotations")),
        closing=f',\n"categories":[{as_json(CATEGORY)}]}}\n',
        per="dataset",
    ),
    needs="pycocotools",
)
