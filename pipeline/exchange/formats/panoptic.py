"""COCO panoptic: a PNG for each frame whose colours are ids, and one JSON that lists the segments.

The id of a colour is R + 256 G + 65536 B; it is the object's id in its scene.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.PngImagePlugin import PngImageFile

from pipeline.exchange.exported_frames import ExportedFrame
from pipeline.exchange.formats.coco import (
    CATEGORY,
    OPENING,
    as_json,
    image_entry,
    image_name,
    json_list,
    object_id,
    scene_name,
    video_line,
)
from pipeline.exchange.formats.form import Context, Format, Joined, LabelledImage, Piece
from pipeline.exchange.input_files import entries, read_bounded, read_json, refuse
from pipeline.exchange.masks.compose import BadLabel, Ids, check_id, check_size
from pipeline.exchange.masks.objects import cut_out, present_ids
from pipeline.exchange.masks.png import as_png

FOLDER = "panoptic"
_CATEGORY = {**CATEGORY, "isthing": 1, "color": [220, 20, 60]}


def _encode(exported: ExportedFrame, ids: npt.NDArray[np.int32], _context: Context) -> Piece:
    name = f"{exported.frame.scene}/{exported.name}.png"
    segments = [
        {
            "id": found.id,
            "category_id": CATEGORY["id"],
            "area": found.area,
            "bbox": [found.left, found.top, found.mask.shape[1], found.mask.shape[0]],
            "iscrowd": 0,
            "track_id": exported.track_number(found.id),
            "instance_id": found.id,
        }
        for found in cut_out(ids)
    ]
    entry = {"image_id": exported.image_number, "file_name": name, "segments_info": segments}
    colours = np.zeros((*ids.shape, 3), np.uint8)
    colours[..., :2] = ids.astype("<u2").view(np.uint8).reshape(*ids.shape, 2)
    return Piece(
        files={f"{FOLDER}/{name}": as_png(colours)},
        lines={
            "videos": video_line(exported),
            "images": [as_json(image_entry(exported, ids.shape))],
            "annotations": [as_json(entry)],
        },
        n_objects=len(segments),
    )


EXPORT = Format(
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


EXPECTED = "COCO panoptic annotations: `annotations` with `file_name` and `segments_info`"


def read(path: Path) -> Iterator[LabelledImage]:
    """Yield the images of a panoptic file; its PNGs lie in a folder of its name or `panoptic/`.

    Raises
    ------
    DatasetError
        The file is not in COCO's panoptic format, or an entry or a PNG is malformed.
    """
    content = read_json(path, EXPECTED)
    images = {str(image.get("id")): image for image in entries(content, "images", path, EXPECTED)}
    for annotation in entries(content, "annotations", path, EXPECTED):
        image = images.get(str(annotation.get("image_id")))
        if image is None:
            raise refuse(path, f"the image id {annotation.get('image_id')!r}", EXPECTED)
        load = _Loader(path, _inside(path, annotation.get("file_name")), annotation).load
        yield LabelledImage(image_name(path, image), scene_name(image), load)


def _inside(path: Path, name: object) -> Path:
    """Return the path of a PNG; refuse one outside the folder beside the file."""
    folder = path.with_suffix("")
    if not folder.is_dir():
        folder = path.parent / FOLDER
    if isinstance(name, str) and name and "\\" not in name and "\0" not in name:
        inner = PurePosixPath(name)
        if not inner.is_absolute() and ".." not in inner.parts:
            return folder / inner
    raise refuse(path, f"the file name {str(name)[:60]!r}", f"a path inside {folder.name}/")


class _Loader:
    def __init__(self, path: Path, png: Path, annotation: dict[str, Any]) -> None:
        self._path, self._png, self._annotation = path, png, annotation

    def load(self, _scene: str) -> Ids:
        segments = self._annotation.get("segments_info")
        try:
            if not isinstance(segments, list) or not all(isinstance(s, dict) for s in segments):
                raise BadLabel("an annotation without `segments_info`")
            return _renumbered(_read_colours(self._png), segments)
        except BadLabel as finding:
            raise refuse(self._png, str(finding), "a PNG of colours that are ids") from None


def _read_colours(png: Path) -> npt.NDArray[np.int32]:
    content = read_bounded(png)
    try:
        with PngImageFile(io.BytesIO(content)) as image:
            check_size(image.size[1], image.size[0])
            if image.mode != "RGB":
                raise BadLabel(f"a PNG of mode {image.mode}, not RGB")
            colours = np.asarray(image)
    except BadLabel:
        raise
    except Exception as error:
        # Pillow raises a dozen exception types for broken files.
        raise BadLabel(f"no whole PNG ({error})") from None
    ids = colours[..., 2].astype(np.int32)
    for channel in (1, 0):
        ids = ids << 8 | colours[..., channel]
    return ids


def _renumbered(ids: npt.NDArray[np.int32], segments: list[dict[str, Any]]) -> Ids:
    """Return the map with the ids that `segments_info` gives; refuse unlisted segments."""
    wanted = {}
    for segment in segments:
        own = segment.get("id")
        if type(own) is not int:
            raise BadLabel("a segment without an id")
        wanted[own] = object_id(segment) or check_id(own) or 0
    numbers = np.zeros(int(ids.max()) + 1, np.int32)
    for number in present_ids(ids).tolist():
        if number not in wanted:
            raise BadLabel(f"the segment {number}, which `segments_info` does not list")
        numbers[number] = wanted[number]
    return numbers[ids]
