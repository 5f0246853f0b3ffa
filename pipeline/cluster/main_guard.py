"""The guard that a script needs around a run, as every worker's process reads the script first."""

from __future__ import annotations

import multiprocessing

GUARD = 'if __name__ == "__main__":'


def end_if_nested() -> None:
    """End this process if it is a worker's that reads a script without the guard.

    A worker's process reads the script of its driver before anything else. Where that script
    starts a run without the guard, each worker would start the run anew, and so on.

    Raises
    ------
    SystemExit
        This is such a process.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(
            f"autorefiner: this script starts a run as it is read, and every worker reads it. "
            f"Put what starts the run under `{GUARD}`"
        )
