"""The layout of a mirror: names, shapes, attributes, compression.

    obj_ids_refine.zarr         attributes: fingerprint, versions, frames_per_file, scheme
      scene_0000                attributes: scene, frames (names), sizes (null: no result)
        ids                     (frame, y, x) uint16, one chunk a frame
        ids_720x1280            frames of another size, at the same index of the first axis
        files                   (frame, 2) int64: size and time of the result file; -1: no result

Frame k of a scene is entry k of every array, so no index has to be translated. `ids` has the size
of the scene's first frame. Frames of another size go to an array of their own: padding would add
pixels that no image has, and the size of chunks cannot grow for a later, larger frame. Chunks that
are not written take no space.

One chunk is one file, named `c.<frame>.0.0`: with dots instead of slashes a frame costs one entry
of the file system, not three.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import ZstdCodec
from zarr.core.array_spec import ArrayConfigParams
from zarr.errors import ContainsArrayError

Size: TypeAlias = tuple[int, int]
"""Height and width in pixels."""

SCHEME = 1
"""Version of the layout, to be increased with every change of it."""

IDS = "ids"
FILES = "files"
NO_FILE = -1

COMPRESSION = ZstdCodec(level=9, checksum=True)
"""The smallest of the codecs measured (tests/bench/mirror.md) whose time is negligible beside a
model's; its checksum makes a torn chunk an error instead of wrong ids."""

_STORED_WHOLE: ArrayConfigParams = {"write_empty_chunks": True}
"""A frame without objects is a result too; by default zarr would not write its empty chunk."""
_UNFIT = re.compile(r"[%\\*?\[\]{}]|^zarr\.json$")


def node_name(scene: str) -> str:
    """Return the name of a scene's group: the scene's, with characters stores reserve escaped."""
    return _UNFIT.sub(lambda found: f"%{ord(found[0][0]):02X}{found[0][1:]}", scene)


def array_name(size: Size) -> str:
    """Return the name of the array for frames that have another size than their scene's first."""
    return f"{IDS}_{size[0]}x{size[1]}"


def size_of(name: str) -> Size | None:
    """Return the size in the name of an array, or None for any other name."""
    found = re.fullmatch(rf"{IDS}_(\d+)x(\d+)", name)
    return (int(found[1]), int(found[2])) if found else None


def chunk_name(number: int) -> str:
    """Return the file name of a chunk or shard with this number along the first axis."""
    return f"c.{number}.0.0"


def chunk_number(name: str) -> int | None:
    """Return the number in the file name of a chunk or shard, or None for another file."""
    found = re.fullmatch(r"c\.(\d+)\.0\.0", name)
    return int(found[1]) if found else None


def create_scene(
    root: zarr.Group, scene: str, frames: Sequence[str], size: Size | None, frames_per_file: int
) -> zarr.Group:
    """Create the group of a scene, replacing an older one; `ids` only if the size is known."""
    attributes = {"scene": scene, "frames": list(frames), "sizes": [None] * len(frames)}
    group = root.create_group(node_name(scene), overwrite=True, attributes=attributes)
    files = group.create_array(
        FILES,
        shape=(len(frames), 2),
        chunks=(len(frames), 2),
        dtype="int64",
        fill_value=NO_FILE,
        dimension_names=("frame", "stamp"),
    )
    files[:] = NO_FILE
    if size:
        create_ids(group, IDS, len(frames), size, frames_per_file)
    return group


def create_ids(
    group: zarr.Group, name: str, n_frames: int, size: Size, frames_per_file: int = 1
) -> zarr.Array[Any]:
    """Create an array of ids, or open it if another worker has created it meanwhile."""
    # xarray requires one length per dimension name within a scene.
    y, x = ("y", "x") if name == IDS else (f"y_{size[0]}x{size[1]}", f"x_{size[0]}x{size[1]}")
    try:
        return group.create_array(
            name,
            shape=(n_frames, *size),
            chunks=(1, *size),
            shards=(frames_per_file, *size) if frames_per_file > 1 else None,
            dtype="uint16",
            fill_value=0,
            compressors=[COMPRESSION],
            dimension_names=("frame", y, x),
            chunk_key_encoding={"name": "default", "separator": "."},
            config=_STORED_WHOLE,
        )
    except ContainsArrayError:
        return open_ids(group, name)


def open_ids(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """Open an array of ids for writing; raise `KeyError` if there is none."""
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise KeyError(name)
    opened: zarr.Array[Any] = array.with_config(_STORED_WHOLE)
    return opened


def read_files(group: zarr.Group) -> npt.NDArray[np.int64]:
    """Return the stamps of the results that frames were copied from: (frames, 2) int64."""
    array = group[FILES]
    return np.asarray(array[:] if isinstance(array, zarr.Array) else (), np.int64)


def attribute(group: zarr.Group, name: str) -> Any:
    """Return an attribute of a group, or None if it lacks it."""
    return group.attrs.asdict().get(name)
