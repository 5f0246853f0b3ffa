"""The page `/autorefiner` of the Dask dashboard: how far the run is, and how fast.

Bokeh calls `document` for every browser that opens the page, in the scheduler's process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, DataRange1d, FactorRange, NumeralTickFormatter
from bokeh.models.widgets.markups import Div
from bokeh.models.widgets.tables import DataTable, TableColumn
from bokeh.plotting import figure

from pipeline.dashboard.state import TOPIC, WORKER_METRIC, RunState, history, speed
from pipeline.dashboard.words import DONE, FAILED, TODO, headline, in_gib
from pipeline.records import STAGES

REFRESH = 1000
"""Milliseconds between two looks at the scheduler."""
LINE = "#2c5f9e"


def document(scheduler: Any, extra: dict[str, Any], doc: Any) -> None:
    """Fill a Bokeh document; the signature is the dashboard's own."""
    del extra
    parts = [_headline(scheduler), _bar(scheduler), _speed(scheduler), _stages(scheduler)]
    table = _workers(scheduler)
    (headline, bar, speeds, stages), refreshes = zip(*parts, strict=True)
    roots = [headline, bar, row(speeds, stages, sizing_mode="stretch_width"), table[0]]
    doc.add_root(column(*roots, sizing_mode="stretch_width", margin=(8, 24, 8, 24)))
    doc.title = "AutoRefiner"

    def refresh() -> None:
        for each in (*refreshes, table[1]):
            each()

    refresh()
    doc.add_periodic_callback(refresh, REFRESH)


Part = tuple[Any, Callable[[], None]]
"""Something to look at, and what brings it up to date."""


def _states(scheduler: Any) -> list[RunState]:
    return history(scheduler.get_events(TOPIC))


def _headline(scheduler: Any) -> Part:
    div = Div(sizing_mode="stretch_width")

    def refresh() -> None:
        div.text = headline(_states(scheduler))

    return div, refresh


def _bar(scheduler: Any) -> Part:
    states = ["done", "failed", "todo"]
    source = ColumnDataSource({"row": [0], **{state: [0] for state in states}})
    plot = figure(
        height=56, sizing_mode="stretch_width", x_range=DataRange1d(range_padding=0),
        tools="", toolbar_location=None,
    )  # fmt: skip
    plot.hbar_stack(states, y="row", height=0.8, color=[DONE, FAILED, TODO], source=source)
    plot.yaxis.visible = plot.grid.visible = False
    plot.xaxis.formatter = NumeralTickFormatter(format="0,0")
    plot.outline_line_color = None

    def refresh() -> None:
        if known := _states(scheduler):
            source.data = {"row": [0], **{state: [getattr(known[-1], state)] for state in states}}

    return plot, refresh


def _speed(scheduler: Any) -> Part:
    source = ColumnDataSource({"minutes": [], "speed": []})
    plot = figure(
        height=240, sizing_mode="stretch_width", title="frames/s, mean of the last minute",
        x_axis_label="minutes since the start", y_range=DataRange1d(start=0),
        tools="", toolbar_location=None,
    )  # fmt: skip
    plot.line("minutes", "speed", source=source, line_width=2, color=LINE)

    def refresh() -> None:
        states = _states(scheduler)
        source.data = {
            "minutes": [state.seconds / 60 for state in states],
            "speed": [speed(states[: k + 1]) for k in range(len(states))],
        }

    return plot, refresh


def _stages(scheduler: Any) -> Part:
    source = ColumnDataSource({"stage": [], "seconds": []})
    plot = figure(
        height=240, sizing_mode="stretch_width", title="seconds a frame, by stage",
        x_range=DataRange1d(start=0), y_range=FactorRange(factors=list(reversed(STAGES))),
        tools="", toolbar_location=None,
    )  # fmt: skip
    plot.hbar(y="stage", right="seconds", height=0.7, source=source, color=LINE)

    def refresh() -> None:
        if states := _states(scheduler):
            run = states[-1]
            known = [stage for stage in STAGES if stage in run.stage_seconds]
            frames = max(run.finished, 1)
            source.data = {
                "stage": known,
                "seconds": [run.stage_seconds[stage] / frames for stage in known],
            }

    return plot, refresh


_COLUMNS = {
    "worker": "worker",
    "task": "at work on",
    "model": "model loaded in",
    "device": "GPU memory",
    "peak": "its peak",
    "memory": "memory",
}


def _workers(scheduler: Any) -> Part:
    source = ColumnDataSource({name: [] for name in _COLUMNS})
    columns = [
        TableColumn(field=name, title=title, width=300 if name == "task" else 100)
        for name, title in _COLUMNS.items()
    ]
    table = DataTable(
        source=source, columns=columns, sizing_mode="stretch_width", height=240, index_position=None
    )

    def refresh() -> None:
        rows = [worker_row(worker) for worker in list(scheduler.workers.values())]
        source.data = {name: [line[name] for line in rows] for name in _COLUMNS}

    return table, refresh


def worker_row(worker: Any) -> dict[str, str]:
    """Return one worker's line of the table, from what the scheduler knows of it."""
    told = worker.metrics.get(WORKER_METRIC) or {}
    loaded = told.get("model_seconds")
    return {
        "worker": str(worker.name),
        "task": ", ".join(map(_task_name, worker.processing)) or "waiting",
        "model": "not yet" if loaded is None else f"{loaded:.1f} s",
        "device": in_gib(told.get("device_memory")),
        "peak": in_gib(told.get("device_memory_peak")),
        "memory": in_gib(worker.metrics.get("memory")),
    }


def _task_name(task: Any) -> str:
    """Say which partition of which scene a task is: its key is (`refine-SCENE-HASH`, number)."""
    if not isinstance(task.key, tuple):
        return str(task.key)
    name, number = task.key
    return f"{str(name).removeprefix('refine-').rpartition('-')[0]}, partition {number}"
