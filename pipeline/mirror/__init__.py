"""The mirror: all results of a data set as one zarr store, kept beside the files."""

from pipeline.mirror.build import MirrorReport, build_mirror, check_mirror
from pipeline.mirror.keep import Keeper
from pipeline.mirror.open import Mirror, MirrorFrame, MirrorScene, open_mirror
from pipeline.mirror.place import Place, mirror_url
from pipeline.mirror.write import write_chunk

__all__ = [
    "Keeper",
    "Mirror",
    "MirrorFrame",
    "MirrorReport",
    "MirrorScene",
    "Place",
    "build_mirror",
    "check_mirror",
    "mirror_url",
    "open_mirror",
    "write_chunk",
]
