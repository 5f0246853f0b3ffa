"""Which kind of cluster to use here, and why."""

from __future__ import annotations

import os
from typing import Literal

import pynvml

from pipeline.config import ClusterConfig
from pipeline.errors import ClusterError

Kind = Literal["cuda", "cpu", "slurm", "existing"]


def choose_kind(config: ClusterConfig) -> tuple[Kind, str]:
    """Resolve `auto`, and say why in words for the user."""
    if config.kind in ("existing", "cpu", "slurm"):
        return config.kind, f"cluster.kind is {config.kind}"
    if config.kind == "auto" and existing_address(config):
        return "existing", "a scheduler is named"
    gpus, reason = count_gpus()
    if gpus:
        return "cuda", f"{gpus} GPU(s) found"
    if config.kind == "cuda":
        raise ClusterError(
            f"cluster.kind is cuda, but {reason}. Use cluster.kind=cpu, or run on a GPU machine"
        )
    return "cpu", reason


def existing_address(config: ClusterConfig) -> dict[str, str]:
    """Return what a `Client` needs to find the scheduler that is named; empty if none is."""
    if config.scheduler:
        return {"address": config.scheduler}
    if config.scheduler_file:
        return {"scheduler_file": str(config.scheduler_file)}
    if address := os.environ.get("DASK_SCHEDULER_ADDRESS"):
        return {"address": address}
    return {}


def count_gpus() -> tuple[int, str]:
    """Count the GPUs this process may use, without creating a CUDA context; and say how it knows.

    `LocalCUDACluster` raises misleading errors where there is none, so this looks first.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in {"", "-1"}:
        return 0, "CUDA_VISIBLE_DEVICES hides every GPU"
    try:
        pynvml.nvmlInit()
        count = int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError as error:
        return 0, f"no NVIDIA driver answers ({type(error).__name__})"
    if visible is not None:
        count = min(count, len(visible.split(",")))
    return count, f"the driver lists {count} GPU(s)"
