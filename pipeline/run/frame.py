"""The way of every frame: read, propose, match, merge, compose, place borders, write.

`read_frame`, `prepare`, `propose_together`, `refine` and `write_frame` are its steps. A partition
takes many frames through them, and does the others' while the model proposes; `refine_frame` takes
arrays of its caller through the middle three. A single frame is a batch of one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.clock import StageClock
from pipeline.config import Config, ConfigLike, DataConfig, load_config
from pipeline.dataset import Layout, check_place, read_pair, write_ids
from pipeline.dataset.formats.contained_arrays import NotAnIdMap
from pipeline.dataset.id_maps import settle_ids
from pipeline.dataset.numbers import Numbers, TooManyIds, ids_in, number_ids
from pipeline.dataset.provenance import digest_inputs, numbers_of
from pipeline.records import FrameRef, Proposals, Refinement
from pipeline.refinement import check_ids, check_image, check_map, refine_proposals
from pipeline.sam import SAM2, PreparingProposer, Proposer, ProposerFactory


@dataclass(frozen=True, slots=True, eq=False)
class LoadedFrame:
    """A frame in memory."""

    image: npt.NDArray[np.uint8]
    """(H, W, 3) RGB."""
    ids: npt.NDArray[Any]
    """(h, w) coarse ids, any integer dtype; its size is the size of the result."""
    digest: str
    """Hash of both files: what the result was made from."""
    clock: StageClock
    """Seconds of each stage so far."""
    prepared: Any = None
    """What a `PreparingProposer` made ready of both arrays."""

    @property
    def origin(self) -> dict[str, str]:
        """What the result is made from, as provenance of the result."""
        return {"inputs": self.digest}


def refine_frame(
    image: npt.NDArray[np.uint8],
    coarse_ids: npt.NDArray[Any],
    config: ConfigLike = None,
    proposers: ProposerFactory = SAM2,
) -> Refinement:
    """Refine the coarse ids of one image with SAM 2.

    Parameters
    ----------
    image
        (H, W, 3) uint8, RGB.
    coarse_ids
        (h, w) integers in [0, 65535], 0 = no object; may differ from the image in size. With
        `data.renumber` they may be larger; ids that `data.void` names are no object.
    config
        A `Config`, a mapping, the path of a YAML file, or None for the defaults.
    proposers
        Source of the masks: SAM 2, unless you have a model of your own.

    Returns
    -------
    Refinement
        Refined ids of shape (h, w), a record per object, and figures of the frame. With
        `data.renumber` also the number that each id has in them.

    Raises
    ------
    ValueError
        Arrays of the wrong shape or type, or ids out of range.
    ConfigError, ModelError
        A setting is wrong, or its model cannot be loaded.
    """
    settings = load_config(config)
    ids, numbers = _settle(coarse_ids, settings.data)
    frame = LoadedFrame(check_image(image), check_ids(ids), digest="", clock=StageClock())
    proposer = proposers.make(settings)
    [proposals] = propose_together([prepare(frame, proposer)], proposer)
    if isinstance(proposals, Exception):
        raise proposals
    return replace(refine(frame, proposals, settings), numbers=numbers)


def _settle(coarse_ids: Any, data: DataConfig) -> tuple[Any, Mapping[int, int]]:
    """Apply `data.void` and `data.renumber` to ids; return them and the numbers given out."""
    if not (data.void or data.renumber):
        return coarse_ids, {}
    try:
        ids = settle_ids(check_map(coarse_ids), data.void)
        numbers = Numbers().extended(ids_in(ids)).of if data.renumber else {}
    except NotAnIdMap as finding:
        raise ValueError(f"coarse ids: found {finding.found}. {finding.hint}") from None
    except TooManyIds as count:
        raise ValueError(f"coarse ids: found {count} ids; expected at most 65535") from None
    return number_ids(ids, numbers) if data.renumber else ids, numbers


def read_frame(frame: FrameRef, layout: Layout, clock: StageClock) -> LoadedFrame:
    """Read image and coarse ids.

    Raises
    ------
    FrameError
        Either file cannot be used, or the result could not be written to its path.
    """
    image_path, ids_path = layout.image_path(frame), layout.ids_path(frame)
    with clock("read"):
        check_place(layout.output_path(frame), layout.output_root)
        # The hash comes first, so that a file replaced in between looks changed, not done.
        numbers = numbers_of(frame, layout)
        digest = digest_inputs(image_path, ids_path, numbers.mark)
        image, ids = read_pair(image_path, ids_path, layout.data, numbers.of)
        return LoadedFrame(image, ids, digest, clock)


def prepare(frame: LoadedFrame, proposer: Proposer) -> LoadedFrame:
    """Return a frame with the work of its proposer that needs no device, if there is such work."""
    if not isinstance(proposer, PreparingProposer):
        return frame
    return replace(frame, prepared=proposer.prepare(frame.image, frame.ids, frame.clock))


def propose_together(
    frames: Sequence[LoadedFrame], proposer: Proposer
) -> list[Proposals | Exception]:
    """Propose masks for prepared frames, with one call of the proposer for all of them.

    Returns
    -------
    list of Proposals or Exception
        One for each frame, in order: its masks, or the exception that it failed with.
    """
    alone = len(frames) == 1
    clock = frames[0].clock if alone else StageClock()
    try:
        proposals = _call(proposer, frames, clock)
    except Exception as error:
        if alone:
            return [error]
        # The exception does not name the frame at fault, so each frame is tried alone.
        return [found for frame in frames for found in propose_together([frame], proposer)]
    if not alone:
        for frame in frames:
            frame.clock.add_share(clock, len(frames))
    return list(proposals)


def _call(proposer: Proposer, frames: Sequence[LoadedFrame], clock: StageClock) -> list[Proposals]:
    if isinstance(proposer, PreparingProposer):
        found = proposer.propose_prepared([frame.prepared for frame in frames], clock)
    else:
        found = proposer.propose([f.image for f in frames], [f.ids for f in frames], clock)
    if len(found) != len(frames):
        raise ValueError(
            f"the proposer returned {len(found)} sets of masks for {len(frames)} images"
        )
    return found


def refine(frame: LoadedFrame, proposals: Proposals, config: Config) -> Refinement:
    """Refine the coarse ids of a frame with the masks that were proposed for it."""
    return refine_proposals(frame.ids, proposals, config.refinement, frame.clock, frame.image)


def write_frame(
    frame: FrameRef,
    refinement: Refinement,
    layout: Layout,
    provenance: dict[str, str],
    clock: StageClock,
) -> None:
    """Write the refined ids, whole or not at all, with their provenance."""
    with clock("write"):
        check_place(layout.output_path(frame), layout.output_root)
        texts = {**provenance, "stats": json.dumps(dict(refinement.stats), sort_keys=True)}
        if refinement.returned:
            texts["returned"] = json.dumps(refinement.returned)
        write_ids(layout.output_path(frame), refinement.ids, layout.output.format, texts)
