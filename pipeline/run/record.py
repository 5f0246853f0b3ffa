"""The summary of a run, put together and written beside the results."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.errors import StorageError
from pipeline.report.summary import Summary, Tally
from pipeline.run.journal import FILE_NAME
from pipeline.run.partition import Job

SUMMARY_NAME = "summary.json"

SHAPING_LIBRARIES = ("autorefiner", "sam2", "torch", "numpy", "pillow")


def summarise(tally: Tally, job: Job, seconds: float) -> Summary:
    """Say what became of a data set in a run of so many seconds."""
    layout = job.layout
    return Summary(
        scenes=tally.scenes,
        failures=tally.failures,
        problems=tally.problems,
        processed=tally.processed,
        seconds=seconds,
        stage_seconds=tally.stage_seconds,
        paths={
            "results": str(layout.output_root / "<scene>" / layout.output.dir),
            "journal": str(layout.record_dir / FILE_NAME),
            "summary": str(layout.record_dir / SUMMARY_NAME),
        },
        settings=_settings_on_record(job),
    )


def _settings_on_record(job: Job) -> dict[str, Any]:
    versions = {name: metadata.version(name) for name in SHAPING_LIBRARIES}
    config: Config = job.config
    return {
        "fingerprint": job.fingerprint,
        "versions": versions,
        "config": config.model_dump(mode="json"),
    }


def write_summary(summary: Summary, path: Path) -> None:
    """Write a summary as JSON, whole or not at all.

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
            file.write(json.dumps(summary.as_dict(), indent=2) + "\n")
        beside.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: the summary cannot be written: {error}") from None
