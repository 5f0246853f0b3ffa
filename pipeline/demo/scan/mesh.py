"""A mesh: triangles with ids, as a scanner reconstructs a room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.demo.geometry import Floats

Ints: TypeAlias = npt.NDArray[np.int32]
Ids: TypeAlias = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Triangles, each of which carries the id of an object."""

    vertices: Floats
    """(V, 3) world coordinates, metres."""
    faces: Ints
    """(F, 3) indices of vertices."""
    ids: Ids
    """(F,); 0 = unlabelled."""


def directed(vertices: Floats, faces: Ints) -> Floats:
    """Return normals of length 1 of triangles, (N, 3); their sign is not defined."""
    one, two, three = (vertices[faces[:, corner]] for corner in range(3))
    a, b = two - one, three - one
    normals = np.stack(
        [
            a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1],
            a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2],
            a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0],
        ],
        axis=1,
    )
    normals /= np.sqrt(np.einsum("ni,ni->n", normals, normals))[:, None] + 1e-12
    return normals.astype(np.float32)
