"""The page `/autorefiner` of the Dask dashboard: progress, speed, stages and workers.

Bokeh calls `document` for every browser that opens the page, in the scheduler's process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from bokeh.layouts import column, row
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    DataRange1d,
    FactorRange,
    NumeralTickFormatter,
)
from bokeh.models.widgets.markups import Div
from bokeh.plotting import figure

from pipeline.dashboard.headline import COLOURS, headline, in_gib, in_percent
from pipeline.dashboard.state import TOPIC, WORKER_METRIC, RunState, history, speed
from pipeline.dashboard.task_names import scene_of
from pipeline.records import STAGES
from pipeline.tables import Row, Table

REFRESH = 1000
"""Milliseconds between two updates of the page."""
LINE = "#2c5f9e"


def document(scheduler: Any, extra: dict[str, Any], doc: Any) -> None:
    """Fill a Bokeh document; Dask's dashboard prescribes the signature."""
    del extra
    makers = (_headline, _bar, _speed, _stages, _workers)
    shown, refreshes = zip(*(make(scheduler) for make in makers), strict=True)
    headline, bar, speeds, stages, workers = shown
    side_by_side = row(speeds, stages, sizing_mode="stretch_width")
    roots = (headline, bar, side_by_side, workers)
    doc.add_root(column(*roots, sizing_mode="stretch_width", margin=(8, 24, 8, 24)))
    doc.title = "AutoRefiner"

    def refresh() -> None:
        for each in refreshes:
            each()

    refresh()
    doc.add_periodic_callback(refresh, REFRESH)


Part = tuple[Any, Callable[[], None]]
"""A Bokeh element, and the function that updates it."""


def _states(scheduler: Any) -> list[RunState]:
    return history(scheduler.get_events(TOPIC))


def _headline(scheduler: Any) -> Part:
    div = Div(sizing_mode="stretch_width")

    def refresh() -> None:
        div.text = headline(_states(scheduler))

    return div, refresh


def _bar(scheduler: Any) -> Part:
    states = list(COLOURS)
    source = ColumnDataSource({"row": [0], **{state: [0] for state in states}})
    plot = figure(
        height=56, sizing_mode="stretch_width", x_range=DataRange1d(range_padding=0),
        tools="", toolbar_location=None,
    )  # fmt: skip
    plot.hbar_stack(states, y="row", height=0.8, color=list(COLOURS.values()), source=source)
    plot.yaxis.visible = plot.grid.visible = False
    plot.xaxis.ticker = BasicTicker(min_interval=1, num_minor_ticks=0)
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


_COLUMNS = (
    *("worker", "partitions in hand", "model loaded in", "GPU memory", "its peak", "memory"),
    *("model busy", "GPU busy"),
)
_WORDS = frozenset({0, 1})
NAMED_AT_MOST = 3
"""Most scenes named for a worker, which may have many partitions waiting."""


def _workers(scheduler: Any) -> Part:
    div = Div(sizing_mode="stretch_width")

    def refresh() -> None:
        rows = [worker_row(worker) for worker in list(scheduler.workers.values())]
        div.text = Table(_COLUMNS, rows, words=_WORDS).as_html()

    return div, refresh


def worker_row(worker: Any) -> Row:
    """Return one worker's row of the table, from the scheduler's state of that worker."""
    told = worker.metrics.get(WORKER_METRIC) or {}
    loaded = told.get("model_seconds")
    return (
        str(worker.name),
        _in_hand(task.key for task in worker.processing),
        "-" if loaded is None else f"{loaded:.1f} s",
        in_gib(told.get("device_memory")),
        in_gib(told.get("device_memory_peak")),
        in_gib(worker.metrics.get("memory")),
        in_percent(told.get("model_busy")),
        in_percent(told.get("device_busy")),
    )


def _in_hand(keys: Iterable[Any]) -> str:
    """Return the numbers of partitions by scene, in words."""
    scenes = Counter(scene for key in keys if (scene := scene_of(key)) is not None)
    shown = [f"{count} of {scene}" for scene, count in scenes.most_common(NAMED_AT_MOST)]
    more = len(scenes) - len(shown)
    return ", ".join(shown) + (f" and of {more} more" if more else "") or "none"
