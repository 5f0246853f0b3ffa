"""Polygons as masks, drawn by pycocotools as COCO defines them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.exchange.masks.compose import BadLabel
from pipeline.exchange.masks.runs import mask_of, parse_coco_text
from pipeline.packages import check_installed

MAX_POINTS = 100_000


def draw(rings: Sequence[Any], height: int, width: int) -> npt.NDArray[np.bool_]:
    """Fill the union of polygons, each a flat list x, y, x, y, … in pixels of the image.

    Raises
    ------
    BadLabel
        A polygon has too few or too many points, or one far outside the image.
    ConfigError
        pycocotools is not installed.
    """
    check_installed("pycocotools", "export", "a polygon")
    from pycocotools import mask as coco_masks

    for ring in rings:
        _check(ring, height, width)
    if not rings:
        return np.zeros((height, width), np.bool_)
    # Outlines are walked pixel by pixel in C, so their points were bounded first.
    parts = coco_masks.frPyObjects([[float(x) for x in ring] for ring in rings], height, width)
    runs = parse_coco_text(coco_masks.merge(parts)["counts"].decode())
    return mask_of(runs, height * width).reshape(width, height).T


def _check(ring: Any, height: int, width: int) -> None:
    if not isinstance(ring, list) or len(ring) < 6 or len(ring) % 2:
        raise BadLabel("a polygon of fewer than three points")
    if len(ring) > 2 * MAX_POINTS:
        raise BadLabel(f"a polygon of more than {MAX_POINTS} points")
    reach = 2 * max(height, width)
    for value in ring:
        if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > reach:
            raise BadLabel(f"a polygon with the coordinate {str(value)[:20]}")
