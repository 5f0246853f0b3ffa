"""Where bytes lie: finding frames, reading images and ids, writing ids."""

from pipeline.dataset.discover import Inventory, discover
from pipeline.dataset.files import Stamp, digest_file, stamp
from pipeline.dataset.frames import numbers_with, read_coarse_ids, read_inputs, read_pair
from pipeline.dataset.id_maps import list_ids, read_ids, read_size
from pipeline.dataset.images import read_image
from pipeline.dataset.input_patterns import ids_elsewhere
from pipeline.dataset.layout import Layout, RecordPaths
from pipeline.dataset.links import check_scenes, find_linked
from pipeline.dataset.nothing_found import discover_some
from pipeline.dataset.problems import Problem
from pipeline.dataset.results import check_place, is_whole, read_provenance, write_ids

__all__ = [
    "Inventory",
    "Layout",
    "Problem",
    "RecordPaths",
    "Stamp",
    "check_place",
    "check_scenes",
    "digest_file",
    "discover",
    "discover_some",
    "find_linked",
    "ids_elsewhere",
    "is_whole",
    "list_ids",
    "numbers_with",
    "read_coarse_ids",
    "read_ids",
    "read_image",
    "read_inputs",
    "read_pair",
    "read_provenance",
    "read_size",
    "stamp",
    "write_ids",
]
