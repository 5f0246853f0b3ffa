"""The page of a run on the Dask dashboard, and its figures for Prometheus.

    driver ── RunState, as an event ──► scheduler ──► page, /metrics
    worker ── WorkerState, with its heartbeat ──┘

The driver sends the state of the run, each worker that of its model and its device's memory; the
scheduler shows what it receives. No frame waits for the dashboard.
"""

from pipeline.dashboard.plugin import show_on_dashboard
from pipeline.dashboard.state import RunState, WorkerState

__all__ = ["RunState", "WorkerState", "show_on_dashboard"]
