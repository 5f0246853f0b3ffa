"""A page of ours on the Dask dashboard, and the same figures for Prometheus.

    driver ── RunState, as an event ──► scheduler ──► page, /metrics
    worker ── WorkerState, with its heartbeat ──┘

The driver knows how far the run is, each worker its model and its device's memory; the scheduler
only shows what it is told. Nothing here holds a frame up.
"""

from pipeline.dashboard.plugin import show_on_dashboard
from pipeline.dashboard.state import RunState, WorkerState

__all__ = ["RunState", "WorkerState", "show_on_dashboard"]
