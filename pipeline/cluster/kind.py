"""The kind of cluster to use on this machine, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import dask
import pynvml

from pipeline.config import ClusterConfig
from pipeline.dask_settings import source_of
from pipeline.errors import ClusterError

Kind = Literal["cuda", "cpu", "slurm", "existing"]

ADDRESS_VARIABLE = "DASK_SCHEDULER_ADDRESS"


@dataclass(frozen=True, slots=True)
class NamedScheduler:
    """A scheduler that is to be joined, and the setting that names it."""

    arguments: dict[str, str]
    """Arguments with which a `Client` finds it."""
    source: str
    """The setting, variable or file that names it, in words."""
    is_ours: bool
    """Whether a setting of this package names it, and not one of Dask's."""

    @property
    def place(self) -> str:
        """The address or file."""
        return ", ".join(self.arguments.values())


def choose_kind(config: ClusterConfig) -> tuple[Kind, str]:
    """Return the kind of cluster, with `auto` resolved, and the reason in words for the user."""
    if config.kind in ("existing", "cpu", "slurm"):
        return config.kind, f"cluster.kind is {config.kind}"
    if config.kind == "auto" and (named := named_scheduler(config)):
        return "existing", f"named by {named.source}"
    gpus, reason = count_gpus()
    if gpus:
        return "cuda", f"{gpus} GPU(s) found"
    if config.kind == "cuda":
        raise ClusterError(
            f"cluster.kind is cuda, but {reason}. Use cluster.kind=cpu, or run on a GPU machine"
        )
    return "cpu", reason


def named_scheduler(config: ClusterConfig) -> NamedScheduler | None:
    """Return the scheduler that these settings or Dask's own name; None if neither does."""
    if config.scheduler:
        return NamedScheduler({"address": config.scheduler}, "cluster.scheduler", True)
    if config.scheduler_file:
        arguments = {"scheduler_file": str(config.scheduler_file)}
        return NamedScheduler(arguments, "cluster.scheduler_file", True)
    address = os.environ.get(ADDRESS_VARIABLE) or dask.config.get("scheduler-address", None)
    if not address:
        return None
    return NamedScheduler({"address": str(address)}, source_of("scheduler-address"), False)


def count_gpus() -> tuple[int, str]:
    """Count the GPUs that this process may use, without a CUDA context; return why, too.

    `LocalCUDACluster` raises misleading errors where there is no GPU, so GPUs are counted first.
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
