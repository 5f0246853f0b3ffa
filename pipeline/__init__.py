"""AutoRefiner: sharp instance-id maps from coarse ones, with SAM 2, at data-set scale.

    import pipeline

    pipeline.refine_dataset("scans", {"model": {"name": "sam2.1_hiera_small"}})

Names below are imported on first use, so that `import pipeline` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.cluster import open_client, shared_client
    from pipeline.config import Config, load_config
    from pipeline.dataset import discover
    from pipeline.evaluation import evaluate
    from pipeline.evaluation.compare import compare
    from pipeline.evaluation.frame_view import inspect_frame
    from pipeline.exchange.export import export_dataset
    from pipeline.exchange.import_ import import_ids
    from pipeline.mirror import build_mirror, check_mirror, open_mirror
    from pipeline.record.opening import open_dataset
    from pipeline.record.status import read_status, verify_dataset
    from pipeline.refinement import refine_masks
    from pipeline.report.write import write_report
    from pipeline.reviewing.review import review
    from pipeline.run.frame import refine_frame
    from pipeline.run.handle import start_run
    from pipeline.run.runner import refine_dataset
    from pipeline.sam import load_model
    from pipeline.statistics.dataset import compute_statistics
    from pipeline.tuning import tune
    from pipeline.viewing.view import view_scene

_HOME = {
    "Config": "pipeline.config",
    "build_mirror": "pipeline.mirror",
    "check_mirror": "pipeline.mirror",
    "compute_statistics": "pipeline.statistics.dataset",
    "compare": "pipeline.evaluation.compare",
    "discover": "pipeline.dataset",
    "evaluate": "pipeline.evaluation",
    "export_dataset": "pipeline.exchange.export",
    "import_ids": "pipeline.exchange.import_",
    "inspect_frame": "pipeline.evaluation.frame_view",
    "load_config": "pipeline.config",
    "load_model": "pipeline.sam",
    "open_client": "pipeline.cluster",
    "open_dataset": "pipeline.record.opening",
    "open_mirror": "pipeline.mirror",
    "read_status": "pipeline.record.status",
    "refine_dataset": "pipeline.run.runner",
    "refine_frame": "pipeline.run.frame",
    "refine_masks": "pipeline.refinement",
    "review": "pipeline.reviewing.review",
    "shared_client": "pipeline.cluster",
    "start_run": "pipeline.run.handle",
    "tune": "pipeline.tuning",
    "verify_dataset": "pipeline.record.status",
    "view_scene": "pipeline.viewing.view",
    "write_report": "pipeline.report.write",
}

_ON_DASK = {
    "build_mirror",
    "check_mirror",
    "compute_statistics",
    "open_client",
    "open_mirror",
    "refine_dataset",
    "shared_client",
    "start_run",
    "tune",
}
"""Names whose modules import Dask, which reads the user's settings of it."""

__all__ = [
    "Config",
    "build_mirror",
    "check_mirror",
    "compare",
    "compute_statistics",
    "discover",
    "evaluate",
    "export_dataset",
    "import_ids",
    "inspect_frame",
    "load_config",
    "load_model",
    "open_client",
    "open_dataset",
    "open_mirror",
    "read_status",
    "refine_dataset",
    "refine_frame",
    "refine_masks",
    "review",
    "shared_client",
    "start_run",
    "tune",
    "verify_dataset",
    "view_scene",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _ON_DASK:
        from pipeline.dask_settings import check_dask_settings

        check_dask_settings()
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
