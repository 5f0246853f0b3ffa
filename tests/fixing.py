"""Fixes written into data sets, as a person would leave them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.dataset import Layout
from pipeline.dataset.fixes import Fix, digest_map, fix_digest, write_fix
from pipeline.records import FrameRef

WHEN = "2026-05-04T10:11:12+00:00"


def fix_frame(layout: Layout, frame: FrameRef, ids: npt.ArrayLike, author: str = "Ada") -> None:
    """Write a fix of a frame, over an earlier one too."""
    basis = digest_map(layout.ids_path(frame))
    fix = Fix(np.asarray(ids, np.uint16), author, WHEN, basis)
    write_fix(layout, frame, fix, fix_digest(layout, frame))
