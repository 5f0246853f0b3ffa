"""Names of the tasks that refine frames: built by a run, read by the dashboard.

Dask names tasks by their function and a hash: `refine-SCENE-HASH`, and `consult-SCENE-HASH` in a
second pass. Its pages that show groups then have a bar for each scene and pass, and pages that show
prefixes one bar for each pass.
"""

from __future__ import annotations

FIRST, SECOND = "refine", "consult"
"""Names of the two passes; in a second pass frames consult their neighbours."""


def task_name(scene: str, name: str = FIRST) -> str:
    """Return the name of the function that takes frames of a scene through a pass."""
    return f"{name}-{scene}"


def scene_of(key: object) -> str | None:
    """Return the scene whose frames a task refines, by the task's key; None for other tasks."""
    match key:
        case (str(name), int()) if name.startswith((f"{FIRST}-", f"{SECOND}-")):
            return name.partition("-")[2].rpartition("-")[0]
    return None
