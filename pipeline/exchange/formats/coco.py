"""COCO instance annotations: one JSON of images and masks as compressed run lengths.

An object is a track: `instance_id` is its id in the scene, `track_id` a number unique over all
scenes. `video_id` and `frame_id` give the scene of an image and its place there.

The reader takes run lengths, compressed or not, and polygons. The id of a mask is its
`instance_id`, else its `object_id`, else its `track_id`, each a key or an attribute.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.exchange.exported_frames import ExportedFrame
from pipeline.exchange.formats.form import Context, Format, Joined, LabelledImage, Piece, Section
from pipeline.exchange.input_files import entries, files_below, read_json, refuse
from pipeline.exchange.masks.compose import (
    MAX_MASKS,
    BadLabel,
    Ids,
    Mask,
    check_id,
    check_size,
    compose,
)
from pipeline.exchange.masks.polygons import draw
from pipeline.exchange.masks.runs import BadRuns, column_counts, mask_of, parse_coco_text

CATEGORY = {"id": 1, "name": "object", "supercategory": "object"}
OPENING = '{"info":{"description":"instance ids, exported by AutoRefiner"}'


def as_json(entry: object) -> str:
    """Return an entry as one line of JSON without spaces."""
    return json.dumps(entry, separators=(",", ":"))


def video_line(exported: ExportedFrame) -> list[str]:
    """Return the entry of the scene if the frame is its first, else []."""
    if exported.number:
        return []
    return [as_json({"id": exported.scene_number, "name": exported.frame.scene})]


def image_entry(exported: ExportedFrame, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the entry of an image, with the size of its ids."""
    return {
        "id": exported.image_number,
        "file_name": exported.image_file,
        "width": shape[1],
        "height": shape[0],
        "video_id": exported.scene_number,
        "frame_id": exported.number,
        "scene": exported.frame.scene,
    }


def json_list(name: str) -> Section:
    """Return a section that lists JSON objects, one a line."""
    return Section(name, f',\n"{name}":[\n', ",\n", "\n]")


def _encode(exported: ExportedFrame, ids: npt.NDArray[np.int32], _context: Context) -> Piece:
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
            "id": exported.mask_number(object_id),
            "image_id": exported.image_number,
            "video_id": exported.scene_number,
            "category_id": CATEGORY["id"],
            "track_id": exported.track_number(object_id),
            "instance_id": object_id,
            "iscrowd": 0,
            "area": int(coco_masks.area(mask)),
            "bbox": coco_masks.toBbox(mask).tolist(),
            "segmentation": {"size": size, "counts": mask["counts"].decode()},
        }
        annotations.append(as_json(entry))
    lines = {
        "videos": video_line(exported),
        "images": [as_json(image_entry(exported, ids.shape))],
        "annotations": annotations,
    }
    return Piece(lines=lines, n_objects=len(counts))


EXPORT = Format(
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
    is_drawn_over_image=True,
    needs="pycocotools",
)


EXPECTED = "COCO annotations: an object with the lists `images` and `annotations`"
_ID_KEYS = ("instance_id", "object_id", "track_id")


def read(path: Path) -> Iterator[LabelledImage]:
    """Yield the images of a COCO file, or of all files in a folder, images without masks included.

    One file is in memory at a time.

    Raises
    ------
    DatasetError
        A file is not in COCO's format, or an entry is malformed.
    """
    for file, _ in files_below(path, (".json",), "COCO files"):
        yield from _read_file(file)


def _read_file(path: Path) -> Iterator[LabelledImage]:
    content = read_json(path, EXPECTED)
    masks: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in entries(content, "annotations", path, EXPECTED):
        masks[_key(path, annotation.get("image_id"))].append(annotation)
    images = entries(content, "images", path, EXPECTED)
    known = {_key(path, image.get("id")) for image in images}
    if len(known) < len(images):
        raise refuse(path, "two images with one id", EXPECTED)
    if lost := masks.keys() - known:
        raise refuse(path, f"masks of an image {min(lost)} that it does not list", EXPECTED)
    for image in images:
        yield LabelledImage(
            image_name(path, image),
            scene_name(image),
            _Loader(path, image, masks.get(image["id"], [])).load,
        )


def _key(path: Path, key: object) -> int:
    if type(key) is not int:
        raise refuse(path, f"the image id {str(key)[:20]!r}", "whole numbers")
    return key


def image_name(path: Path, image: Mapping[str, Any]) -> str:
    """Return the file name of an image."""
    name = image.get("file_name")
    if not isinstance(name, str) or not name:
        raise refuse(path, "an image without `file_name`", EXPECTED)
    return name


def scene_name(image: Mapping[str, Any]) -> str | None:
    """Return the scene in the entry of an image, where exports put it; None without one."""
    scene = image.get("scene")
    return scene if isinstance(scene, str) else None


class _Loader:
    def __init__(
        self, path: Path, image: Mapping[str, Any], annotations: list[dict[str, Any]]
    ) -> None:
        self._path, self._image, self._annotations = path, image, annotations

    def load(self, _scene: str) -> Ids:
        try:
            if len(self._annotations) > MAX_MASKS:
                raise BadLabel(f"more than {MAX_MASKS} masks in one image")
            height, width = check_size(self._image.get("height"), self._image.get("width"))
            masks = (_read_mask(each, height, width) for each in self._annotations)
            return compose(masks, height, width)
        except (BadLabel, BadRuns) as finding:
            where = f"{self._path}: {image_name(self._path, self._image)}"
            raise refuse(where, str(finding), "masks that fit their image") from None


def object_id(entry: Mapping[str, Any]) -> int | None:
    """Return the object id of an annotation; None if it has none."""
    attributes = entry.get("attributes")
    known = {**entry, **attributes} if isinstance(attributes, dict) else entry
    found = (check_id(known.get(key)) for key in _ID_KEYS)
    return next((number for number in found if number), None)


def _read_mask(annotation: Mapping[str, Any], height: int, width: int) -> Mask:
    number = object_id(annotation)
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, list):
        return Mask(number, 0, 0, draw(segmentation, height, width))
    if "segments_info" in annotation:
        raise BadLabel("panoptic annotations, which --from coco-panoptic reads")
    if not isinstance(segmentation, dict):
        raise BadLabel("an annotation without a mask or polygon")
    if segmentation.get("size") != [height, width]:
        raise BadLabel(f"a mask of size {str(segmentation.get('size'))[:40]}")
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        runs = parse_coco_text(counts)
    elif isinstance(counts, list) and all(type(count) is int for count in counts):
        runs = np.array([min(count, height * width + 1) for count in counts], np.int64)
    else:
        raise BadLabel("a mask without `counts`")
    columns = mask_of(runs, height * width).reshape(width, height)
    used = np.flatnonzero(columns.any(axis=1))
    if not used.size:
        return Mask(number, 0, 0, np.zeros((0, 0), np.bool_))
    first, last = int(used[0]), int(used[-1])
    return Mask(number, 0, first, columns[first : last + 1].T)
