from __future__ import annotations

import os
import platform
import resource

import numpy as np
import pytest

from pipeline.cluster.client import open_client
from pipeline.cluster.worker_setup import DASKS_CHOICE
from pipeline.config import ClusterConfig


def pages_taken_by_arrays() -> tuple[str | None, int]:
    """Make arrays of 2 MB repeatedly; return Dask's threshold and the number of new pages."""
    hold = [np.ones(4 << 20, np.uint8) for _ in range(4)]
    del hold
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        np.ones(2 << 20, np.uint8)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return os.environ.get(DASKS_CHOICE[0]), after - before


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_worker_reuses_the_memory_of_arrays() -> None:
    config = ClusterConfig(kind="cpu", workers=1, dashboard_address="127.0.0.1:0")
    with open_client(config) as client:
        [(choice, pages)] = client.run(pages_taken_by_arrays).values()
        assert choice == DASKS_CHOICE[1]  # or the plugin is no longer needed
        assert pages < 5_000
        client.restart()
        [(_, pages)] = client.run(pages_taken_by_arrays).values()
        assert pages < 5_000
