"""Where bytes lie: finding frames, reading images and ids, writing ids."""

from pipeline.camera import Camera, camera_digest
from pipeline.dataset.cameras import read_cameras
from pipeline.dataset.depth import depth_path, depth_paths, read_depth
from pipeline.dataset.discover import Inventory, discover
from pipeline.dataset.files import Stamp, digest_file, stamp
from pipeline.dataset.frames import numbers_with, read_coarse_ids, read_inputs, read_pair
from pipeline.dataset.id_maps import list_ids, read_ids, read_size
from pipeline.dataset.images import read_image
from pipeline.dataset.input_patterns import ids_elsewhere
from pipeline.dataset.layout import Layout, RecordPaths
from pipeline.dataset.links import check_scenes, find_linked
from pipeline.dataset.neighbours import SceneNeighbours, find_neighbours
from pipeline.dataset.nothing_found import discover_some
from pipeline.dataset.problems import Problem
from pipeline.dataset.results import check_place, is_whole, read_provenance, write_ids

__all__ = [
    "Camera",
    "Inventory",
    "Layout",
    "Problem",
    "RecordPaths",
    "SceneNeighbours",
    "Stamp",
    "camera_digest",
    "check_place",
    "check_scenes",
    "depth_path",
    "depth_paths",
    "digest_file",
    "discover",
    "discover_some",
    "find_linked",
    "find_neighbours",
    "ids_elsewhere",
    "is_whole",
    "list_ids",
    "numbers_with",
    "read_cameras",
    "read_coarse_ids",
    "read_depth",
    "read_ids",
    "read_image",
    "read_inputs",
    "read_pair",
    "read_provenance",
    "read_size",
    "stamp",
    "write_ids",
]
