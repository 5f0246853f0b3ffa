"""The headline and colours of a run, for the dashboard and for notebooks."""

from __future__ import annotations

import html

from pipeline.dashboard.state import RunState, seconds_left, speed
from pipeline.text import duration

COLOURS = {"done": "#3b7d4f", "failed": "#c0392b", "todo": "#d9d9d6"}
"""Colours of frames by state."""


def headline(states: list[RunState]) -> str:
    """Return the counts and speed of a run as HTML."""
    if not states:
        return "<h2>AutoRefiner</h2><p>No run has begun on this cluster yet.</p>"
    run = states[-1]
    left = seconds_left(states)
    if run.ended:
        pace = f"ended after {duration(run.seconds)}"
    elif left is None:
        pace = "waiting for the first frames"
    else:
        pace = f"{speed(states):.2f} frames/s, {duration(left)} left"
    failed_colour = COLOURS["failed"] if run.failed else "inherit"
    label = f" &middot; {html.escape(run.label)}" if run.label else ""
    kept = f", {run.kept:,} on record before" if run.kept else ""
    return (
        f"<h3 style='margin: 0'>{html.escape(run.data_root)}{label}</h3>"
        f"<p style='font-size: 120%; margin: 4px 0'>{run.done:,} done, "
        f"<span style='color: {failed_colour}'>{run.failed:,} failed</span>, "
        f"{run.todo:,} to do{kept} &middot; {pace}</p>"
    )


def in_gib(count: int | None) -> str:
    """Format a number of bytes in GiB; a dash for None."""
    return "-" if count is None else f"{count / 2**30:.2f} GiB"


def in_percent(share: float | None) -> str:
    """Format a share in [0, 1] in percent; a dash for None."""
    return "-" if share is None else f"{100 * share:.0f} %"
