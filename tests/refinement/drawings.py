"""Small id maps and masks for Hypothesis: rectangles over rectangles, as in a room."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st


@st.composite
def _rectangle(draw: st.DrawFn, height: int, width: int) -> tuple[slice, slice]:
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    bottom = draw(st.integers(top + 1, height))
    right = draw(st.integers(left + 1, width))
    return slice(top, bottom), slice(left, right)


@st.composite
def drawings(draw: st.DrawFn, max_masks: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Draw coarse ids, (H, W) uint16, and masks, (M, H, W): of objects, of parts, or unrelated."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    coarse = np.zeros((height, width), dtype=np.uint16)
    for _ in range(draw(st.integers(0, 5))):
        coarse[draw(_rectangle(height, width))] = draw(st.sampled_from([0, 1, 2, 3, 65535]))
    masks = np.zeros((draw(st.integers(0, max_masks)), height, width), dtype=bool)
    for m in range(len(masks)):
        kind = draw(st.sampled_from(["object", "rectangles", "both"]))
        if kind != "rectangles":
            masks[m] = coarse == draw(st.sampled_from(np.unique(coarse).tolist()))
        if kind != "object":
            for _ in range(draw(st.integers(0, 2))):
                masks[m][draw(_rectangle(height, width))] ^= True
    return coarse, masks
