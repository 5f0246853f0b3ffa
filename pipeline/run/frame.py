"""The way of every frame: read, propose, match, merge, compose, place borders, write.

`read_frame`, `refine_together` and `write_frame` are its three steps. A partition runs them for
many frames, and reads and writes while the model computes; `refine_frame` runs only the middle one,
on arrays that the caller passes. A single frame is a batch of one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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
from pipeline.records import FrameRef, Refinement
from pipeline.refinement import check_ids, check_image, check_map, refine_proposals
from pipeline.sam import SAM2, Proposer, ProposerFactory


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
    [refined] = refine_together([frame], proposers.make(settings), settings)
    if isinstance(refined, Exception):
        raise refined
    return replace(refined, numbers=numbers)


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


def refine_together(
    frames: Sequence[LoadedFrame], proposer: Proposer, config: Config
) -> Iterator[Refinement | Exception]:
    """Refine frames with one call of the proposer for all of them.

    Yields
    ------
    Refinement or Exception
        One for each frame, in order: its result, or the exception that it failed with.
    """
    alone = len(frames) == 1
    clock = frames[0].clock if alone else StageClock()
    try:
        proposals = [*proposer.propose([f.image for f in frames], [f.ids for f in frames], clock)]
    except Exception as error:
        if alone:
            yield error
            return
        # The exception does not name the frame at fault, so each frame is tried alone.
        for frame in frames:
            yield from refine_together([frame], proposer, config)
        return
    for frame in frames:
        if not alone:
            frame.clock.add_share(clock, len(frames))
        # Popping the proposals frees the masks of finished frames.
        found = proposals.pop(0)
        try:
            yield refine_proposals(frame.ids, found, config.refinement, frame.clock, frame.image)
        except Exception as error:
            yield error


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
