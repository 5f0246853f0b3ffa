"""Torch's share of the cores on a worker."""

from __future__ import annotations

from typing import Any

from distributed import WorkerPlugin


class TorchThreads(WorkerPlugin):
    """Give torch its share of the cores: the nanny starts every worker with one thread."""

    name = "autorefiner-torch-threads"

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Run on each worker as it starts, restarted ones included."""
        import torch

        torch.set_num_threads(self.threads)
