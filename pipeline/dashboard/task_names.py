"""Names of the tasks that refine frames: built by a run, read by the dashboard.

Dask names tasks after their function, with a hash behind: `refine-SCENE-HASH`. Its pages then group
them by scene where they show groups, and under `refine` where they show prefixes, which is one bar
for 900 scenes.
"""

from __future__ import annotations

_PREFIX = "refine-"


def task_name(scene: str) -> str:
    """Return the name of the function that refines frames of a scene."""
    return f"{_PREFIX}{scene}"


def scene_of(key: object) -> str | None:
    """Return the scene whose frames a task refines, by the task's key; None for other tasks."""
    match key:
        case (str(name), int()) if name.startswith(_PREFIX):
            return name.removeprefix(_PREFIX).rpartition("-")[0]
    return None
