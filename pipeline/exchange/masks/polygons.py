"""Polygons drawn as masks by pycocotools, as COCO defines them."""

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
    """Return the (height, width) mask of polygons' union; each is a flat list x, y, … in pixels.

    Raises
    ------
    BadLabel
        A polygon has too few or too many points, or a point far outside the image.
    ConfigError
        pycocotools is not installed.
    """
    check_installed("pycocotools", "export", "a polygon")
    from pycocotools import mask as coco_masks

    for ring in rings:
        _check(ring, height, width)
    if not rings:
        return np.zeros((height, width), np.bool_)
    # pycocotools traces outlines pixel by pixel, so the checks above bound their length.
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
