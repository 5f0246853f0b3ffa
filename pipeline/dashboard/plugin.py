"""The scheduler plugin that adds the page and the metrics."""

from __future__ import annotations

import logging
from typing import Any

from distributed import Client, SchedulerPlugin

log = logging.getLogger(__name__)

PAGE = "autorefiner"


class RunBoard(SchedulerPlugin):
    """Adds the page `/autorefiner` to the scheduler's dashboard, and its figures to `/metrics`."""

    name = "autorefiner-board"
    idempotent = True

    async def start(self, scheduler: Any) -> None:
        """Add page and metrics in the scheduler's process, if it has a dashboard."""
        # The imports are here because the driver needs neither bokeh nor Prometheus.
        from bokeh.server.tornado import BokehTornado
        from distributed.dashboard.core import BokehApplication
        from distributed.dashboard.scheduler import template_variables
        from tornado.ioloop import IOLoop

        from pipeline.dashboard import metrics, page

        applications = scheduler.http_application.applications
        dask_pages = next((app for app in applications if isinstance(app, BokehTornado)), None)
        if dask_pages is None:
            return
        variables = template_variables(scheduler)
        ours = BokehApplication(
            {f"/{PAGE}": page.document},
            scheduler,
            prefix=dask_pages.prefix,
            template_variables=variables,
        )
        scheduler.http_application.add_application(ours)
        ours.initialize(IOLoop.current())
        ours.start()
        # All of Dask's pages share this list as their menu.
        if PAGE not in variables["pages"]:
            variables["pages"].append(PAGE)
        self._collector: Any = metrics.register(scheduler)

    async def close(self) -> None:
        """Remove the metrics, as the process may start another scheduler."""
        if collector := getattr(self, "_collector", None):
            from pipeline.dashboard import metrics

            metrics.unregister(collector)


def show_on_dashboard(client: Client) -> str | None:
    """Add the page to the cluster's dashboard, and return its address; None where that fails.

    A scheduler on another machine may lack this package or a dashboard; a run needs neither.
    """
    try:
        client.register_plugin(RunBoard())
        shown = client.run_on_scheduler(_is_shown)
    except Exception as error:
        log.warning("no page of ours on the dashboard of this scheduler: %s", error)
        return None
    return str(client.dashboard_link).rpartition("/")[0] + f"/{PAGE}" if shown else None


def _is_shown(dask_scheduler: Any) -> bool:
    board = dask_scheduler.plugins.get(RunBoard.name)
    return hasattr(board, "_collector")
