"""The `__main__` guard that a script needs around a run, as every worker imports the script."""

from __future__ import annotations

import multiprocessing

GUARD = 'if __name__ == "__main__":'


def end_if_nested() -> None:
    """End a worker's process that starts a run because its driver's script lacks the guard.

    A spawned worker first imports the script of its driver. If that script starts a run without
    the guard, each worker would start the run again, and so on.

    Raises
    ------
    SystemExit
        This process is such a worker.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(
            f"autorefiner: this script starts a run as it is read, and every worker reads it. "
            f"Put what starts the run under `{GUARD}`"
        )
