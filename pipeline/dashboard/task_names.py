"""Names of the tasks that refine frames: built by a run, read by the dashboard.

Dask names tasks by their function and a hash: `refine-SCENE-HASH`. Its pages that show groups then
have a bar for each scene, and pages that show prefixes one bar `refine` for all scenes.
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
