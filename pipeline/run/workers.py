"""The model, loaded on every worker before its first frame."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

from distributed import Client, WorkerPlugin
from distributed.client import ClosedClientError

from pipeline.clock import Busy
from pipeline.cluster.worker_setup import give_to_workers, take_from_workers
from pipeline.config import Config
from pipeline.dashboard.state import WORKER_METRIC, WorkerState
from pipeline.run.at_work import busy_in, total
from pipeline.sam import SAM2, ProposerFactory

log = logging.getLogger(__name__)


class WarmModel(WorkerPlugin):
    """Loads the model as soon as a worker starts, restarted and late ones included.

    The first task then finds the model in the worker's cache, or waits for this plugin to load it.
    """

    name = "autorefiner-warm-model"

    def __init__(self, config: Config, proposers: ProposerFactory, run_id: str = "") -> None:
        self.config = config
        self.proposers = proposers
        self.run_id = run_id

    def setup(self, worker: Any) -> None:
        """Start to load the model in a thread, so that the worker's event loop goes on."""
        self.model_seconds: float | None = None
        worker.metrics[WORKER_METRIC] = self._tell
        threading.Thread(target=self._load, name=self.name, daemon=True).start()

    def teardown(self, worker: Any) -> None:
        """Stop the worker metric."""
        worker.metrics.pop(WORKER_METRIC, None)

    def _load(self) -> None:
        start = time.perf_counter()
        try:
            self.proposers.make(self.config)
        except Exception as error:
            # The first task raises the same error, and the driver sees it there.
            log.warning("the model could not be loaded ahead of the first frame: %s", error)
        else:
            self.model_seconds = time.perf_counter() - start

    def _tell(self, _worker: Any) -> dict[str, float | None]:
        """Return the state of this worker; Dask calls this with every heartbeat."""
        busy = busy_in(self.run_id)
        torch, used, peak = sys.modules.get("torch"), None, None
        if torch is not None and torch.cuda.is_initialized():
            used, peak = torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated()
        return asdict(WorkerState(self.model_seconds, used, peak, busy.share, busy.device))


@contextmanager
def warm_workers(
    client: Client, config: Config, proposers: ProposerFactory = SAM2, run_id: str = ""
) -> Iterator[None]:
    """Load the model on every worker within the block, also on workers that start later.

    Their heartbeats tell how busy they are in the run `run_id`.
    """
    give_to_workers(client, WarmModel(config, proposers, run_id))
    try:
        yield
    finally:
        take_from_workers(client, WarmModel.name)


def ask_busy(client: Client, run_id: str) -> Busy:
    """Ask all workers what their time in a run went to; return the sum."""
    with suppress(OSError, ClosedClientError):
        return total(client.run(busy_in, run_id, on_error="return").values())
    return Busy()
