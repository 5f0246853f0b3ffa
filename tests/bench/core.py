"""Time of matching, merging and composing, compared with the plain matcher, in one process.

Run as `python -m tests.bench.core`; it takes a minute, most of it for the plain matcher.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import torch

from pipeline.clock import StageClock
from pipeline.config import RefinementConfig
from pipeline.records import Proposals
from pipeline.refinement import refine_masks, refine_proposals
from tests.bench.reference import refine_plainly
from tests.bench.synthetic import Recipe, make_case

ROOM = Recipe(height=1168, width=1752, objects=62, tiny=0.1, parts=0.6)
N_MASKS = 120
REPEATS = 7


def fastest(work: Callable[[], object], repeats: int) -> float:
    """Return the processor seconds of the fastest of several runs, least affected by other load."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    torch.set_num_threads(1)
    case = make_case(11, ROOM)
    masks, logits = case.masks[:N_MASKS], case.logits()[:N_MASKS]
    rating = torch.from_numpy(case.predicted_iou[:N_MASKS]).float()
    nothing = torch.zeros(len(masks), dtype=torch.int64)
    proposals = Proposals(logits, rating, rating, nothing)
    config, clock = RefinementConfig(), StageClock()

    n_ids = len(set(case.coarse.ravel().tolist()) - {0})
    print(f"{case.coarse.shape}, {n_ids} ids, {len(masks)} masks")
    low = fastest(lambda: refine_proposals(case.coarse, proposals, config, StageClock()), REPEATS)
    refine_proposals(case.coarse, proposals, config, clock)
    full = fastest(lambda: refine_masks(case.coarse, masks, config), REPEATS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    plain = fastest(lambda: refine_plainly(case.coarse, masks), 1)
    print(f"plain {plain:.1f} s")
    print(f"from low-resolution logits {low * 1e3:.0f} ms, {plain / low:.0f} times as fast")
    print("  " + ", ".join(f"{stage} {s * 1e3:.0f} ms" for stage, s in clock.seconds.items()))
    print(f"from full-size masks {full * 1e3:.0f} ms, {plain / full:.0f} times as fast")
    print(f"peak memory of the process {peak:.2f} GiB")


if __name__ == "__main__":
    main()
