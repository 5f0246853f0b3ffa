"""The live panel of a background run in a notebook: bar, speed, workers, the last frame."""

from __future__ import annotations

import html
import io
import threading
import time
from typing import TYPE_CHECKING, Any

import ipywidgets
from IPython.display import display
from PIL import Image

from pipeline.dashboard.headline import COLOURS, headline, in_gib
from pipeline.dashboard.state import WORKER_METRIC, RunState
from pipeline.dataset import read_ids, read_inputs
from pipeline.drawing.overlay import overlay
from pipeline.errors import FrameError

if TYPE_CHECKING:
    from pipeline.records import FrameOutcome
    from pipeline.run.handle import Run
    from pipeline.run.watch import LiveRun

SECONDS_BETWEEN_LOOKS = 1.0
PICTURE_WIDTH = 480
MOST_WORKERS = 16
"""Most workers that the panel lists."""


def show_panel(run: Run) -> None:
    """Show a panel below the current cell, and keep it up to date until the run ends."""
    panel = Panel(run)
    display(panel.widget)
    threading.Thread(target=panel.follow, name="autorefiner-panel", daemon=True).start()


class Panel:
    """The panel of one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._states: list[RunState] = []
        self._shown: FrameOutcome | None = None
        self._text = ipywidgets.HTML()
        self._picture = ipywidgets.Image(format="jpeg", layout={"width": f"{PICTURE_WIDTH}px"})
        self._caption = ipywidgets.HTML()
        self._cancel = ipywidgets.Button(description="stop", tooltip="finish the frames in hand")
        self._cancel.on_click(lambda _button: self._run.cancel())
        self.widget: Any = ipywidgets.VBox([self._text, self._cancel, self._caption, self._picture])

    def follow(self) -> None:
        """Update the panel every second until the run has ended."""
        while self._run.running:
            self.refresh()
            time.sleep(SECONDS_BETWEEN_LOOKS)
        self.refresh()

    def refresh(self) -> None:
        """Show the present state of the run."""
        live = self._run.live
        if live:
            self._states.append(live.state())
        self._text.value = self._as_html(live)
        self._cancel.disabled = not self._run.running
        latest = self._run.latest
        if live and latest and latest is not self._shown:
            self._shown = latest
            self._show(latest, live)

    def _as_html(self, live: LiveRun | None) -> str:
        if error := self._run.error:
            words = html.escape(str(error) or type(error).__name__)
            ending = f"<p style='color: {COLOURS['failed']}; white-space: pre-wrap'>{words}</p>"
        else:
            ending = ""
        if live is None:
            name = html.escape(self._run.data_root)
            waiting = "<p>Looking for frames, opening the cluster …</p>"
            return f"<h3 style='margin: 0'>{name}</h3>{waiting if self._run.running else ending}"
        workers = _workers(live) if self._run.running else ""
        return headline(self._states) + _bar(self._states[-1]) + workers + ending

    def _show(self, outcome: FrameOutcome, live: LiveRun) -> None:
        frame, layout = outcome.frame, live.job.layout
        try:
            picture, _ = read_inputs(frame, layout)
            shown = Image.fromarray(overlay(picture, read_ids(layout.output_path(frame))))
        except FrameError:
            # A file that is gone since the frame was done costs the picture, not the panel.
            return
        shown.thumbnail((2 * PICTURE_WIDTH, 2 * PICTURE_WIDTH))
        buffer = io.BytesIO()
        shown.save(buffer, "JPEG", quality=85)
        self._picture.value = buffer.getvalue()
        self._caption.value = html.escape(frame.name)


def _bar(state: RunState) -> str:
    cells = "".join(
        f"<div style='flex: {getattr(state, name)}; background: {colour}'></div>"
        for name, colour in COLOURS.items()
    )
    return f"<div style='display: flex; height: 14px; margin: 6px 0'>{cells}</div>"


def _workers(live: LiveRun) -> str:
    known = live.client.scheduler_info(n_workers=MOST_WORKERS)["workers"]
    rows = "".join(_worker_row(worker) for worker in known.values())
    head = "<tr><th>worker</th><th>tasks in hand</th><th>model</th><th>memory</th><th>GPU</th></tr>"
    return f"<table style='text-align: left; border-spacing: 16px 0'>{head}{rows}</table>"


def _worker_row(worker: dict[str, Any]) -> str:
    metrics = worker.get("metrics") or {}
    told = metrics.get(WORKER_METRIC) or {}
    loaded = told.get("model_seconds")
    cells = (
        str(worker.get("name", "")),
        str(metrics.get("task_counts", {}).get("executing", 0)),
        "loading" if loaded is None else f"loaded in {loaded:.1f} s",
        in_gib(metrics.get("memory")),
        in_gib(told.get("device_memory")),
    )
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
