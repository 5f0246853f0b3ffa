"""The summary of a run, and the files that a run leaves beside its journal."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Config, load_config
from pipeline.dataset import Layout
from pipeline.dataset.numbers import numbers_path
from pipeline.errors import ConfigError, StorageError
from pipeline.record.journal import FILE_NAME
from pipeline.record.summary import Summary
from pipeline.record.tally import Tally, by_count

if TYPE_CHECKING:
    from pipeline.run.partition import Job

SUMMARY_NAME = "summary.json"
REPORT_NAME = "report.html"

SHAPING_LIBRARIES = ("autorefiner", "sam2", "torch", "numpy", "pillow")


def summarise(tally: Tally, job: Job, seconds: float) -> Summary:
    """Say what became of a data set in a run of so many seconds."""
    from pipeline.mirror import mirror_url  # heavy, and not needed by those who only look back

    layout = job.layout
    paths = {
        "results": str(layout.results_folder("<scene>")),
        "journal": str(layout.record_dir / FILE_NAME),
        "summary": str(layout.record_dir / SUMMARY_NAME),
    }
    if layout.data.renumber:
        paths["numbers"] = str(numbers_path(layout, "<scene>"))
    if layout.output.mirror:
        from pipeline.mirror import mirror_url

        paths["mirror"] = mirror_url(layout)
    if job.config.report.at_end:
        paths["report"] = str(layout.record_dir / REPORT_NAME)
    return Summary(
        scenes=tally.scenes,
        failures=by_count(tally.failures),
        suspicious=tally.suspicious,
        problems=tally.problems,
        processed=tally.processed,
        seconds=seconds,
        stage_seconds=tally.stage_seconds,
        paths=paths,
        settings=_settings_of(job),
    )


def _settings_of(job: Job) -> dict[str, Any]:
    versions = {name: metadata.version(name) for name in SHAPING_LIBRARIES}
    config: Config = job.config
    return {
        "fingerprint": job.fingerprint,
        "versions": versions,
        "config": config.model_dump(mode="json"),
    }


def write_record(path: Path, text: str) -> Path:
    """Write a file beside its place and move it there, so that it is whole; return the place.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    beside = path.with_name(f"{path.name}.tmp")
    try:
        # Made anew, so that a link in its place is never written through.
        beside.unlink(missing_ok=True)
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error}") from None
    return path


def read_summary(path: Path) -> dict[str, Any]:
    """Read the summary of the last run that came to its end; empty where there is none.

    Raises
    ------
    StorageError
        It cannot be read.
    """
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{path}: cannot be read as a summary: {error}. Remove it to do without"
        ) from None
    return summary if isinstance(summary, dict) else {}


def settings_on_record(summary: Mapping[str, Any], otherwise: Config) -> Config:
    """Return the settings of the run that left a summary, if this version understands them."""
    try:
        return load_config(summary["settings"]["config"])
    except (KeyError, TypeError, ConfigError):
        return otherwise


def settings_of_last_run(data_root: Path) -> Config:
    """Return what shaped and placed the results of the last run on a data set.

    Its summary is looked for where it is unless settings say otherwise; without one, these are the
    defaults. What the run was made with besides, such as its cluster, may be gone by now.

    Raises
    ------
    StorageError
        The summary cannot be read.
    """
    default = Config()
    place = Layout(data_root, default.data, default.output).record_dir / SUMMARY_NAME
    found = settings_on_record(read_summary(place), default)
    return found.model_copy(update={"cluster": default.cluster, "run": default.run})


def keep_summary(record_dir: Path, summary: Summary) -> Mapping[str, Any]:
    """Put a summary on record, and return the one that is there then.

    A run that found nothing to do leaves the one before it: it would only put nothing in the place
    of speed and stages.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    place = record_dir / SUMMARY_NAME
    try:
        before = read_summary(place)
    except StorageError:
        before = {}  # is replaced now
    if before and not summary.processed and not _is_news(summary, before):
        return before
    row = summary.as_dict()
    write_record(place, json.dumps(row, indent=2) + "\n")
    return row


def _is_news(summary: Summary, before: Mapping[str, Any]) -> bool:
    if summary.total.done == 0:
        return False
    counts = {**summary.total.as_dict(), "invalid_ratio": None}
    return counts != {**before.get("total", {}), "invalid_ratio": None}
