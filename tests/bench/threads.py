"""Speed by the number of CPU workers and threads: `python -m tests.bench.threads [ROUNDS]`.

Demo rooms are refined by local clusters with the workers and torch threads of each line, in turn on
the same machine; frames per second are those of whole runs, without starting the cluster and
loading the model.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dask.system import CPU_COUNT
from distributed import Client

from pipeline import load_config, open_client, refine_dataset
from pipeline.cluster.worker_setup import TorchThreads
from pipeline.demo.write import write_demo_dataset

SIZES = ((640, 480), (1280, 960))
FRAMES = 16


def shares() -> list[tuple[int, int]]:
    """Return pairs (workers, torch threads a worker), some of which exceed the cores."""
    fit = [(workers, CPU_COUNT // workers) for workers in range(1, CPU_COUNT + 1)]
    return sorted({*fit, (1, 1), (CPU_COUNT, CPU_COUNT)})


def torch_threads() -> int:
    import torch

    return torch.get_num_threads()


def frames_per_second(data: Path, out: Path, client: Client) -> float:
    settings: dict[str, Any] = {
        "model": {"name": "demo"},
        "output": {"root": str(out)},
        "run": {"redo": "all", "log_level": "error"},
        "report": {"at_end": False},
    }
    start = time.monotonic()
    summary = refine_dataset(data, settings, client)
    assert summary.complete
    return FRAMES / (time.monotonic() - start)


def main() -> None:
    """Print a line for each pair of workers and threads, and each size."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as folder:
        rates: dict[tuple[tuple[int, int], tuple[int, int]], list[float]] = {}
        for size in SIZES:
            write_demo_dataset(Path(folder) / f"{size[0]}", 2, FRAMES // 2, size, 9, 1.0, "frame")
        for _ in range(rounds):
            for workers, threads in shares():
                asked = load_config({"cluster": {"kind": "cpu", "workers": workers}})
                with open_client(asked.cluster) as client:
                    client.register_plugin(TorchThreads(threads), name="as-this-line-says")
                    assert set(client.run(torch_threads).values()) == {threads}
                    for size in SIZES:
                        data, out = Path(folder) / f"{size[0]}", Path(folder) / "out"
                        frames_per_second(data, out, client)  # loads the model, fills caches
                        rate = frames_per_second(data, out, client)
                        rates.setdefault(((workers, threads), size), []).append(rate)
    print(f"{CPU_COUNT} cores; frames/s, median of {rounds}")
    print("| workers x torch threads | " + " | ".join(f"{w} x {h}" for w, h in SIZES) + " |")
    print("|---" * (1 + len(SIZES)) + "|")
    for share in shares():
        medians = [statistics.median(rates[share, size]) for size in SIZES]
        print(
            f"| {share[0]} x {share[1]} | " + " | ".join(f"{rate:.2f}" for rate in medians) + " |"
        )


if __name__ == "__main__":
    main()
