"""All results of a data set as one zarr store, kept beside the files.

Names are imported on first use, since zarr and dask are slow to import and rarely needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.mirror.build import MirrorReport, build_mirror, check_mirror
    from pipeline.mirror.keep import MirrorKeeper
    from pipeline.mirror.open import Mirror, MirrorFrame, MirrorScene, open_mirror
    from pipeline.mirror.store import MirrorSpec
    from pipeline.mirror.write import write_chunk

__all__ = [
    "Mirror",
    "MirrorFrame",
    "MirrorKeeper",
    "MirrorReport",
    "MirrorScene",
    "MirrorSpec",
    "build_mirror",
    "check_mirror",
    "open_mirror",
    "write_chunk",
]

_HOME = {
    "Mirror": "open",
    "MirrorFrame": "open",
    "MirrorKeeper": "keep",
    "MirrorReport": "build",
    "MirrorScene": "open",
    "MirrorSpec": "store",
    "build_mirror": "build",
    "check_mirror": "build",
    "open_mirror": "open",
    "write_chunk": "write",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
