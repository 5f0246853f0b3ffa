"""The link to Dask's dashboard, which the user's Dask configuration may spell.

Notebook hubs set it with variables of their own, and a run that is started by ssh or a batch system
has none of these. A scheduler and a client format the link wherever they show it, and fail.
"""

from __future__ import annotations

import logging

import dask
from distributed.utils import format_dashboard_link

from pipeline.dask_settings import source_of

log = logging.getLogger(__name__)

KEY = "distributed.dashboard.link"
PLAIN = "{scheme}://{host}:{port}/status"


def mend_dashboard_link() -> None:
    """Put the plain link in the place of one that cannot be formatted here, with a warning.

    It is set for this process and those that it starts: nothing could use the other one.
    """
    try:
        format_dashboard_link("127.0.0.1", 8787)
    except Exception as error:
        log.warning(
            "the link to the dashboard, set by %s, cannot be formatted (%s: %s); the plain address "
            "is shown",
            source_of(KEY),
            type(error).__name__,
            error,
        )
        dask.config.set({KEY: PLAIN})
