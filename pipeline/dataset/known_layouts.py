"""The known data sets: for each name of `data.layout` the patterns to try, in order.

Every pair was checked against the tools that write these files; `docs/data-layout.md` lists them.
"""

from __future__ import annotations

from typing import NamedTuple

from pipeline.config.settings import LayoutName


class PatternPair(NamedTuple):
    """Patterns of images and coarse ids, for one variant of a data set on disk."""

    images: str
    ids: str


_OF_SCANNETPP = (
    "{scene}/dslr/resized_undistorted_images/{frame}",
    "{scene}/dslr/undistorted_images/{frame}",
    "{scene}/iphone/rgb/{frame}",
)
_KIND_FIRST = "obj_ids/{scene}/{frame}"

KNOWN_LAYOUTS: dict[LayoutName, tuple[PatternPair, ...]] = {
    "scannetpp": (
        # The toolbox writes these images on the same grid as its ids, so this pair comes first.
        PatternPair("undistorted/{scene}/{frame}", _KIND_FIRST),
        # The download keeps its scenes below data/.
        *(
            PatternPair(above + images, ids)
            for above in ("", "data/")
            for ids in (_KIND_FIRST, f"{above}{{scene}}/obj_ids/{{frame}}")
            for images in _OF_SCANNETPP
        ),
    ),
    "scannet": (
        PatternPair("{scene}/color/{frame:d}", "{scene}/instance-filt/{frame:d}"),
        PatternPair("{scene}/color/{frame:d}", "{scene}/instance/{frame:d}"),
        PatternPair("scans/{scene}/color/{frame:d}", "scans/{scene}/instance-filt/{frame:d}"),
        PatternPair("scans/{scene}/color/{frame:d}", "scans/{scene}/instance/{frame:d}"),
    ),
    "3rscan": (
        PatternPair(
            "{scene}/sequence/frame-{frame:d}.color",
            "{scene}/sequence/frame-{frame:d}.rendered.instances",
        ),
        PatternPair(
            "{scene}/sequence/frame-{frame:d}.color",
            "{scene}/sequence/frame-{frame:d}.instances",
        ),
        PatternPair(
            "{scene}/frame-{frame:d}.color",
            "{scene}/frame-{frame:d}.rendered.instances",
        ),
    ),
    "replica": (
        PatternPair(
            "{scene}/{sequence}/rgb/rgb_{frame:d}",
            "{scene}/{sequence}/semantic_instance/semantic_instance_{frame:d}",
        ),
        PatternPair(
            "{scene}/rgb/rgb_{frame:d}",
            "{scene}/semantic_instance/semantic_instance_{frame:d}",
        ),
    ),
    "hypersim": (
        PatternPair(
            "{scene}/images/scene_{camera}_final_preview/frame.{frame:d}.tonemap.jpg",
            "{scene}/images/scene_{camera}_geometry_hdf5/frame.{frame:d}.semantic_instance",
        ),
        PatternPair(
            "{scene}/images/scene_{camera}_final_preview/frame.{frame:d}.color.jpg",
            "{scene}/images/scene_{camera}_geometry_hdf5/frame.{frame:d}.semantic_instance",
        ),
    ),
    "insscene": (
        PatternPair("{scene}/images/{frame}", "{scene}/refined_ins_ids/{frame}"),
        PatternPair(
            "processed_scannetpp_v2/{scene}/images/{frame}",
            "processed_scannetpp_v2/{scene}/refined_ins_ids/{frame}",
        ),
        PatternPair("{scene}/Image/{frame}", "{scene}/ObjectSegmentation/{frame}"),
    ),
}
