"""The summary of a run, and the files that a run leaves beside its journal."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.errors import StorageError
from pipeline.mirror import mirror_url
from pipeline.report.summary import Summary
from pipeline.report.tally import Tally
from pipeline.run.journal import FILE_NAME
from pipeline.run.partition import Job

SUMMARY_NAME = "summary.json"
REPORT_NAME = "report.html"

SHAPING_LIBRARIES = ("autorefiner", "sam2", "torch", "numpy", "pillow")


def summarise(tally: Tally, job: Job, seconds: float) -> Summary:
    """Say what became of a data set in a run of so many seconds."""
    layout = job.layout
    paths = {
        "results": str(layout.output_root / "<scene>" / layout.output.dir),
        "journal": str(layout.record_dir / FILE_NAME),
        "summary": str(layout.record_dir / SUMMARY_NAME),
    }
    if layout.output.mirror:
        paths["mirror"] = mirror_url(layout)
    if job.config.report.at_end:
        paths["report"] = str(layout.record_dir / REPORT_NAME)
    return Summary(
        scenes=tally.scenes,
        failures=tally.failures,
        suspicious=tally.suspicious,
        problems=tally.problems,
        processed=tally.processed,
        seconds=seconds,
        stage_seconds=tally.stage_seconds,
        paths=paths,
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
        beside.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error}") from None
    return path
