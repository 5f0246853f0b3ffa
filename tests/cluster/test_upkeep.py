from __future__ import annotations

import os
import signal
import time

import pytest
from distributed import Client, LocalCluster

from pipeline.cluster import upkeep
from pipeline.cluster.local import closing
from pipeline.cluster.upkeep import keep_workers


@pytest.mark.slow
def test_a_worker_that_dies_as_it_starts_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "SECONDS_BETWEEN_LOOKS", 1.0)
    with (
        closing(
            LocalCluster(n_workers=1, host="127.0.0.1", dashboard_address="127.0.0.1:0")
        ) as cluster,
        keep_workers(cluster, 1),
        Client(cluster) as client,
    ):
        [nanny] = cluster.workers.values()
        first = nanny.process.pid
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 120
        while nanny.process is not None and nanny.status.name != "closed":
            assert time.monotonic() < deadline
            pid = nanny.process.pid
            if pid and pid != first and nanny.process.status.name == "starting":
                time.sleep(0.5)
                os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.01)
        client.wait_for_workers(1, timeout=200)
        assert client.submit(sum, [1, 2]).result(timeout=200) == 3
