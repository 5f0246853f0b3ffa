"""The story of one frame: read, propose, match, merge, compose, write.

`read_frame`, `refine_loaded` and `write_frame` are its three acts. A partition runs them for many
frames with reading and writing behind the model's back; `refine_frame` runs the middle one for
arrays that the caller has at hand.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.clock import StageClock
from pipeline.config import Config, ConfigLike, load_config
from pipeline.dataset import Layout, check_place, digest_file, read_pair, write_ids
from pipeline.errors import IdMapError, ImageError
from pipeline.records import FrameRef, Refinement
from pipeline.refinement import check_ids, check_image, refine_proposals
from pipeline.sam import Proposer, make_proposer


@dataclass(frozen=True, slots=True, eq=False)
class LoadedFrame:
    """A frame in memory."""

    image: npt.NDArray[np.uint8]
    """(H, W, 3) RGB."""
    ids: npt.NDArray[Any]
    """(h, w) coarse ids, any integer dtype; its size is the size of the result."""
    digest: str
    """Hash of both files: what the result was made from."""


def refine_frame(
    image: npt.NDArray[np.uint8], coarse_ids: npt.NDArray[Any], config: ConfigLike = None
) -> Refinement:
    """Refine the coarse ids of one image with SAM 2.

    Parameters
    ----------
    image
        (H, W, 3) uint8, RGB.
    coarse_ids
        (h, w) integers in [0, 65535], 0 = no object; may differ from the image in size.
    config
        A `Config`, a mapping, the path of a YAML file, or None for the defaults.

    Returns
    -------
    Refinement
        Refined ids of shape (h, w), a record per object, and figures of the frame.

    Raises
    ------
    ValueError
        Arrays of the wrong shape or type, or ids out of range.
    ConfigError, ModelError
        A setting is wrong, or its model cannot be had.
    """
    settings = load_config(config)
    loaded = LoadedFrame(check_image(image), check_ids(coarse_ids), digest="")
    proposer = make_proposer(settings)
    return refine_loaded(loaded, proposer, settings, StageClock())


def read_frame(frame: FrameRef, layout: Layout, clock: StageClock) -> LoadedFrame:
    """Read image and coarse ids; raises `FrameError` where either cannot be used.

    So it does where the result could not be put: better before the work than after it.
    """
    image_path, ids_path = layout.image_path(frame), layout.ids_path(frame)
    with clock("read"):
        check_place(layout.output_path(frame), layout.output_root)
        # Hashed first: a file replaced in between then looks changed, not done.
        digest = digest_inputs(image_path, ids_path)
        image, ids = read_pair(image_path, ids_path, layout.data.fit)
        return LoadedFrame(image, ids, digest)


def refine_loaded(
    loaded: LoadedFrame, proposer: Proposer, config: Config, clock: StageClock
) -> Refinement:
    """Propose masks, match and merge them to the coarse ids, and compose the refined map."""
    [proposals] = proposer.propose([loaded.image], [loaded.ids], clock)
    return refine_proposals(loaded.ids, proposals, config.refinement, clock, loaded.image)


def write_frame(
    frame: FrameRef,
    refinement: Refinement,
    layout: Layout,
    provenance: dict[str, str],
    clock: StageClock,
) -> None:
    """Write the refined ids, whole or not at all, with what they were made from."""
    with clock("write"):
        check_place(layout.output_path(frame), layout.output_root)
        stats = json.dumps(dict(refinement.stats), sort_keys=True)
        write_ids(
            layout.output_path(frame),
            refinement.ids,
            layout.output.format,
            {**provenance, "stats": stats},
        )


def digest_inputs(image_path: Path, ids_path: Path) -> str:
    """Hash the contents of the files a frame is made from (32 hex digits).

    Raises
    ------
    ImageError, IdMapError
        Either file is none that could be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(digest_file(image_path, ImageError))
    digest.update(digest_file(ids_path, IdMapError))
    return digest.hexdigest()
