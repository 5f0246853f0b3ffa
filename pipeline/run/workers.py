"""What a worker needs before its first frame: the model, and deaf ears for Ctrl-C."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from distributed import Client, WorkerPlugin

from pipeline.config import ModelConfig

log = logging.getLogger(__name__)


class WarmModel(WorkerPlugin):
    """Loads the model as soon as a worker starts, restarted and late ones included.

    The task's own call finds the model in the worker's cache, or waits for this one; the plugin
    only saves the first partition that wait.
    """

    name = "autorefiner-warm-model"

    def __init__(self, config: ModelConfig) -> None:
        self.config = config

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Start loading, without holding up the worker's event loop."""
        threading.Thread(target=self._load, name="autorefiner-warm-model", daemon=True).start()

    def _load(self) -> None:
        from pipeline.sam import load_model  # (heavy, and only for workers)

        try:
            load_model(self.config)
        except Exception as error:
            # The first task meets the same error, and raises it where the driver can see it.
            log.warning("the model could not be loaded ahead of the first frame: %s", error)


class DeafToInterrupt(WorkerPlugin):
    """Leaves Ctrl-C to the driver: a terminal sends it to every process of the group."""

    name = "autorefiner-deaf-to-interrupt"

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Ignore SIGINT where the worker has a process of its own."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def prepare_workers(client: Client, model: ModelConfig) -> None:
    """Register what every worker, now or later, does as it starts."""
    client.register_plugin(DeafToInterrupt())
    client.register_plugin(WarmModel(model))
