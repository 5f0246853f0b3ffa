"""A script that starts a run as it is read, which every worker's process does first of all."""

from __future__ import annotations

import multiprocessing

GUARD = 'if __name__ == "__main__":'


def end_if_nested() -> None:
    """End this process, in a line, if it only reads the script that started it.

    A worker has a process of its own, which reads the script of its driver before anything else.
    Where that starts a run without a guard, each worker would start the run anew, and so on.

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
