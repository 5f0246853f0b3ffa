"""The report as one self-contained page: it makes no requests and runs no script but its own.

Names, messages and settings come from outside. Jinja escapes them, JSON inside the page included,
and the page's policy allows a browser only the one script and the one style sheet whose hashes it
lists.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from pipeline.config import Config
from pipeline.drawing.pictures import FramePictures
from pipeline.record.summary import tell_busy
from pipeline.records import FrameRef
from pipeline.report.looks import REASONS, Reason
from pipeline.report.survey import Distribution, SceneRow, Survey, Unit
from pipeline.report.timelines import Timelines
from pipeline.text import duration

PARTS = Path(__file__).parent / "page"
UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """A frame worth a look, as the page shows it."""

    frame: FrameRef
    reasons: tuple[Reason, ...]
    stats: Mapping[str, float]
    """The measures of its reasons."""
    pictures: FramePictures | None
    problem: str
    """The reason why pictures are missing; empty if they are not."""
    command: str
    """The command line that shows every decision on the frame."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Frames of the scene that a second pass changed most."""

    scene: str
    images: tuple[str, ...]
    """Image names, from left to right."""
    picture: str
    """Coarse ids, first pass and second pass, one below the other, as a data URI."""


@dataclass(frozen=True, slots=True)
class OverTime:
    """Objects over time, as the page shows them."""

    timelines: Timelines | None
    """None if no statistics were saved, or if they cannot be read."""
    problem: str
    """The reason why saved statistics cannot be read; empty if they can or if there are none."""
    newest: int
    """Time when the newest result was written, in nanoseconds since 1970."""

    @property
    def is_stale(self) -> bool:
        """Whether some results are newer than the statistics."""
        return self.timelines is not None and self.newest > self.timelines.made


def render(
    data_root: Path,
    survey: Survey,
    looks: Sequence[ShownFrame],
    over_time: OverTime,
    strip: Strip | None,
    summary: Mapping[str, Any],
    config: Config,
) -> str:
    """Return the HTML of the page.

    Parameters
    ----------
    data_root
        Folder of scenes, for the title.
    survey
        Figures of all frames.
    looks
        The frames to show.
    over_time
        The statistics that `autorefiner stats` saved.
    strip
        A scene of two passes; None with one pass.
    summary
        `Summary.as_dict()` of the last run; empty if no run has ended.
    config
        The settings of that run.
    """
    style, script = (_read(name) for name in ("style.css", "script.js"))
    totals = _totals(survey.scenes)
    settings = summary.get("settings", {})
    html = (
        _environment()
        .get_template("page.html")
        .render(
            title=data_root.name or str(data_root),
            root=str(data_root),
            made=datetime.now(UTC).replace(microsecond=0),
            policy=_policy(script, style),
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            survey=survey,
            totals=totals,
            verdict=_verdict(totals),
            progress=_progress(totals),
            run=summary,
            busy=tell_busy(summary),
            looks=looks,
            over_time=over_time,
            strip=strip,
            root_argument=shlex.quote(str(data_root)),
            reasons=[
                (reason, count)
                for reason in REASONS
                if (count := sum(reason in look.reasons for look in looks))
            ],
            objects={
                str(number): [
                    [change.id, change.colour, change.before, change.after, round(change.iou, 4)]
                    for change in look.pictures.objects
                ]
                for number, look in enumerate(looks)
                if look.pictures
            },
            problems=summary.get("problems", {}),
            settings=_settings(config, settings.get("versions", {}), summary.get("paths", {})),
            fingerprint=settings.get("fingerprint", ""),
        )
    )
    # File names may hold bytes that are not UTF-8; the page replaces them by question marks.
    return html.encode("utf-8", "replace").decode()


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PARTS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "amount": _amount,
        "count": lambda value: f"{value:,}",
        "date": lambda ns: f"{datetime.fromtimestamp(ns / 1e9, UTC):%Y-%m-%d %H:%M UTC}",
        "duration": duration,
        "percent": lambda value: UNKNOWN if math.isnan(value) else f"{100 * value:.1f} %",
        "seconds": lambda value: f"{value:.3f}",
        "short": lambda value: UNKNOWN if math.isnan(value) else f"{value:.3g}",
        "sortable": lambda value: "" if math.isnan(value) else f"{value:.6g}",
    }
    return environment


def _read(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    """Return a policy that forbids all but this script, this style and pictures in the page."""
    sources = {"script-src": _hash(script), "style-src": _hash(style), "img-src": "data:"}
    allowed = "; ".join(f"{kind} {source}" for kind, source in sources.items())
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _amount(distribution: Distribution, value: float) -> str:
    if distribution.unit == Unit.SHARE:
        return f"{100 * value:.3g} %"
    return f"{value:.3g} {distribution.unit}".strip()


def _totals(scenes: Sequence[SceneRow]) -> dict[str, int]:
    names = ("frames", "done", "failed", "stale", "open")
    return {name: sum(getattr(scene, name) for scene in scenes) for name in names}


def _verdict(totals: Mapping[str, int]) -> str:
    if totals["frames"] and totals["done"] == totals["frames"]:
        return f"All {totals['frames']:,} frames are done."
    parts = [f"{totals['done']:,} of {totals['frames']:,} frames are done"]
    said = {
        "failed": "failed",
        "stale": "hold results of other settings",
        "open": "are still to do",
    }
    parts += [f"{totals[name]:,} {text}" for name, text in said.items() if totals[name]]
    return "; ".join(parts) + "."


def _progress(totals: Mapping[str, int]) -> list[dict[str, Any]]:
    parts, start = [], 0.0
    for kind in ("done", "stale", "failed"):
        width = 1000 * totals[kind] / max(1, totals["frames"])
        if width:
            parts.append({"kind": kind, "start": start, "width": width})
        start += width
    return parts


def _settings(
    config: Config, versions: Mapping[str, str], paths: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all settings by section, changed ones marked, then versions and paths."""
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in config.in_plain_values():
        row = {"name": each.key, "value": _plain(each.value), "changed": each.is_changed}
        tables[each.section].append(row)
    for title, part in (("versions", versions), ("paths", paths)):
        if part:
            tables[title] = [
                {"name": key, "value": str(value), "changed": False} for key, value in part.items()
            ]
    return dict(tables)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
