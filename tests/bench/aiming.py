"""Time of aiming prompts, compared with the distance transform that it needs at least.

    python -m tests.bench.aiming

Prints, for maps of 60 and of 200 objects on the grid of a model of 1 024 pixels, the processor time
of `find_targets` on one thread and of `scipy.ndimage.distance_transform_edt` on the same grid.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import ndimage

from pipeline.sam.targets import find_targets

SIDE = 512
TIMES = 15


def main() -> None:
    for n_objects in (60, 200):
        ids = cells(n_objects)
        inner = ndimage.maximum_filter(ids, 3) == ndimage.minimum_filter(ids, 3)
        spent = np.array(
            [
                [took(partial(find_targets, ids, SIDE)), took(partial(transform, inner))]
                for _ in range(TIMES)
            ]
        )
        aiming, distances = 1000 * np.median(spent, axis=0)
        ratio = np.median(spent[:, 0] / spent[:, 1])
        print(
            f"{n_objects} objects: aiming {aiming:.1f} ms, distance transform {distances:.1f} ms, "
            f"ratio {ratio:.2f}"
        )


def cells(n_objects: int) -> np.ndarray:
    """Draw a map of Voronoi cells, one in ten of them empty."""
    rng = np.random.default_rng(n_objects)
    seeds = np.ones((SIDE, SIDE), dtype=bool)
    seeds[tuple(rng.integers(0, SIDE, (2, n_objects)))] = False
    nearest = ndimage.distance_transform_edt(seeds, return_distances=False, return_indices=True)
    names = np.where(rng.random(SIDE * SIDE) < 0.1, 0, rng.integers(1, 60_000, SIDE * SIDE))
    return names.reshape(SIDE, SIDE)[nearest[0], nearest[1]]


def transform(inner: np.ndarray) -> np.ndarray:
    return ndimage.distance_transform_edt(inner)


def took(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
