"""Workers as SLURM jobs, through dask-jobqueue; the scheduler stays in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed.deploy.cluster import Cluster

from pipeline.cluster.certificates import own_certificates
from pipeline.cluster.workers import keep_workers
from pipeline.config import ClusterConfig
from pipeline.dask_settings import explaining
from pipeline.errors import ClusterError


@contextmanager
def open_slurm_cluster(config: ClusterConfig) -> Iterator[Cluster]:
    """Yield a cluster that keeps `config.workers` jobs in the queue, and cancels them at the end.

    Raises
    ------
    ClusterError
        dask-jobqueue or SLURM is not installed, or a setting is wrong.
    """
    cluster = make_slurm_cluster(config)
    with cluster:
        jobs = config.workers or 1
        cluster.scale(jobs)
        with keep_workers(cluster, jobs):
            yield cluster


def make_slurm_cluster(config: ClusterConfig) -> Any:
    """Return a `SLURMCluster` without jobs; its `job_script()` returns what it would submit."""
    try:
        from dask_jobqueue.slurm import SLURMCluster
    except ImportError:
        raise ClusterError(
            "cluster.kind is slurm, but dask-jobqueue is not here; install autorefiner[slurm]"
        ) from None
    directives = list(config.slurm_directives)
    worker_command = "distributed.cli.dask_worker"
    if config.slurm_gpus:
        directives.append(f"--gres=gpu:{config.slurm_gpus}")
        worker_command = "dask_cuda.cli"
    with explaining("no SLURM cluster can be opened", "Look at the settings cluster.slurm_*"):
        return SLURMCluster(
            # In dask-jobqueue `cores` is the threads of a worker; `job_cpu` is SLURM's request.
            cores=1,
            processes=1,
            job_cpu=config.slurm_cores,
            memory=config.slurm_memory,
            worker_command=worker_command,
            queue=config.slurm_queue,
            account=config.slurm_account,
            walltime=config.slurm_walltime,
            interface=config.slurm_interface,
            job_extra_directives=directives,
            job_script_prologue=list(config.slurm_prologue),
            security=own_certificates(config) or True,
            protocol="tls://",
            # Jobs start in the working directory, so they find the temporary credentials there.
            shared_temp_directory=str(Path.cwd()),
            scheduler_options={"dashboard_address": config.dashboard_address},
        )
