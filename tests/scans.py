"""Small data sets whose coarse ids are given, for exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from PIL import Image

from pipeline.dataset import read_ids

Maps = Mapping[str, Sequence[npt.NDArray[np.int32]]]


def write_scans(root: Path, scenes: Maps) -> Path:
    """Write scenes with an empty image and the given coarse ids for each frame."""
    for scene, maps in scenes.items():
        folder = root / scene
        (folder / "images").mkdir(parents=True)
        (folder / "obj_ids").mkdir()
        for number, ids in enumerate(maps):
            name = f"frame_{number:06d}.png"
            Image.new("L", ids.shape[::-1]).save(folder / "images" / name)
            np.save(folder / "obj_ids" / f"{name}.npy", ids)
    return root


def imported(root: Path, scene: str, number: int, into: str = "gt_ids") -> npt.NDArray[np.int32]:
    """Return the map that an import wrote for a frame."""
    return read_ids(root / scene / into / f"frame_{number:06d}.png.png")


def blobs(
    height: int = 12, width: int = 17, n_objects: int = 5, largest: int = 65_535, seed: int = 0
) -> npt.NDArray[np.int32]:
    """Draw objects with ragged, torn and touching outlines."""
    rng = np.random.default_rng(seed)
    ids = np.zeros((height, width), np.int32)
    for object_id in rng.choice(np.arange(1, largest + 1), n_objects, replace=False):
        top, left = rng.integers(0, height), rng.integers(0, width)
        box = ids[top : top + 6, left : left + 7]
        box[rng.random(box.shape) < 0.8] = object_id
    return ids


@st.composite
def id_maps(draw: st.DrawFn, largest: int = 65_535) -> npt.NDArray[np.int32]:
    """Draw a small map of few ids at any pixels, so that they often touch."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    ids = draw(st.lists(st.integers(1, largest), min_size=1, max_size=4, unique=True))
    values = st.sampled_from([0, *ids])
    cells = draw(st.lists(values, min_size=height * width, max_size=height * width))
    return np.array(cells, np.int32).reshape(height, width)
