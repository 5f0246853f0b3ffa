"""Masks of objects in a frame from their masks in other frames, by SAM 2's memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from pipeline.config import ProposalsConfig
from pipeline.errors import ModelError
from pipeline.records import Proposals
from pipeline.sam.batches import in_batches
from pipeline.sam.decoder import Masks, PromptDecoder, Prompts, Select
from pipeline.sam.encoder import ImageFeatures
from pipeline.sam.guided import FINENESS, prompts_for, prompts_from, shown_again, single_mask
from pipeline.sam.masks import stability
from pipeline.sam.memory_bank import (
    MemoryBank,
    Neighbour,
    condition,
    missing_memory,
    plain_embedding,
)
from pipeline.sam.targets import NO_POINT, find_targets

__all__ = ["Neighbour", "Remembered", "missing_memory", "segment_remembered"]

OBJECTS_PER_BATCH = 16
"""Objects in one call of the memory attention unless another number is given."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """Masks from the memory, one per object."""

    proposals: Proposals
    """`prompt_ids` has the objects, `image_support` is None."""
    object_score: Tensor
    """(N,) float32 in [0, 1]: how sure SAM is in the first round that the object is in view at all.
    For a model without an opinion on this, it is the highest probability of a cell of the mask."""
    prompted: Tensor
    """(N,) bool: whether the coarse map of the frame has the object, so that a prompt showed it.
    The masks of other objects come from the memory alone."""
    n_neighbours: Tensor
    """(N,) int64: neighbours that show the object."""
    agreement: Tensor
    """(N,) float32 in [0, 1]: IoU of the mask with that of the first round. It is low for objects
    that are out of view, and 0 for an empty mask; after a single round it is 1 for all others."""


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """What SAM says of a batch of objects."""

    rows: Rows
    """(B,) among the objects that are wanted."""
    masks: Masks
    object_logit: Tensor
    """(B,)"""
    agreement: Tensor
    """(B,)"""


def segment_remembered(
    model: SAM2Base,
    features: ImageFeatures,
    coarse_ids: npt.NDArray[np.integer],
    neighbours: Sequence[Neighbour],
    wanted: Sequence[int],
    config: ProposalsConfig,
    batch: int = OBJECTS_PER_BATCH,
) -> Remembered:
    """Propose a mask in a frame for each of some objects that its neighbours show.

    SAM is asked for an object on features that the object's masks in all neighbours with it have
    conditioned. The prompt is that of `segment_objects` where the coarse map has the object. Where
    it has not, the memory alone decides in the first round, and its mask is the prompt of the next
    ones. The memory in use is bounded by `batch`
    times the number of neighbours; nothing is computed if no neighbour shows any of the objects.

    Parameters
    ----------
    model
        A SAM 2 with a memory, see `missing_memory`.
    features
        Features of the frame.
    coarse_ids
        (h, w) integers, the coarse map of the frame; 0 where no object is.
    neighbours
        Frames with the ids that a first pass wrote for them.
    wanted
        Ids of the objects to ask for, above 0, each once.
    config
        Its `rounds` counts.
    batch
        Objects in one call; halved if they do not fit into the device's memory.

    Returns
    -------
    Remembered
        In the order of `wanted`, without the objects that no neighbour shows.

    Raises
    ------
    ModelError
        The model has no memory.
    torch.OutOfMemoryError
        Not even a single object fits into the device's memory.
    """
    if reason := missing_memory(model):
        raise ModelError(reason)
    ids = np.asarray(wanted, dtype=np.int64)
    decoder = PromptDecoder(model, features)
    found: list[_Answer] = []
    prompted = np.zeros(len(ids), np.bool_)
    n_neighbours = np.zeros(len(ids), np.int64)
    if len(ids) and len(neighbours):
        question = _Question(model, decoder, features, coarse_ids, neighbours, ids, config)
        prompted, n_neighbours = question.targets >= 0, question.shown.sum(1)
        for rows in _alike(n_neighbours, prompted):
            ask = partial(question.ask, rows)
            found += [
                answer for _, answer in in_batches(len(rows), decoder.fit(batch), ask, "objects")
            ]
    return _collect(decoder, ids, prompted, n_neighbours, found)


class _Question:
    """What to ask SAM for some objects of one frame.

    Attributes
    ----------
    shown
        (N, K) bool: whether neighbour k shows object n.
    targets
        (N,) row of each object among the targets of the coarse map, or -1.
    """

    def __init__(
        self,
        model: SAM2Base,
        decoder: PromptDecoder,
        features: ImageFeatures,
        coarse_ids: npt.NDArray[np.integer],
        neighbours: Sequence[Neighbour],
        ids: Rows,
        config: ProposalsConfig,
    ) -> None:
        self._model, self._decoder, self._ids, self._rounds = model, decoder, ids, config.rounds
        self._embedding = plain_embedding(model, features)
        self._bank = MemoryBank(model, decoder, neighbours)
        self._targets = find_targets(coarse_ids, FINENESS * decoder.mask_size)
        self._drawn = torch.from_numpy(self._targets.drawn).to(decoder.device)
        self.shown = self._bank.shows(ids)
        place = np.searchsorted(self._targets.ids, ids)
        there = np.isin(ids, self._targets.ids)
        self.targets = np.where(there, place, -1)

    def ask(self, rows: Rows, batch: slice) -> _Answer:
        """Ask for the objects of a batch of `rows`, which `_alike` made."""
        now = rows[batch]
        which = np.stack([np.flatnonzero(self.shown[row]) for row in now])
        memories = self._bank.remember(self._ids[now], which)
        decoder = self._decoder.conditioned(condition(self._model, self._embedding, memories))
        prompts = None
        if self.targets[now[0]] >= 0:
            prompts = prompts_for(self._targets, self._drawn, self.targets[now])
        first, *more = ask_in_rounds(self._model, decoder, prompts, len(now), self._rounds)
        last = [first, *more][-1]
        # Later rounds show SAM its own mask, so that it is sure to see the object.
        score = first.logits.amax((1, 2)) if first.object_score is None else first.object_score
        return _Answer(now, last, score, _iou(first.logits > 0, last.logits > 0))


def ask_in_rounds(
    model: SAM2Base, decoder: PromptDecoder, prompts: Prompts | None, n_objects: int, rounds: int
) -> Iterator[Masks]:
    """Yield one mask an object from each round.

    Further rounds have SAM's own mask in the prompt, too. Where there are no prompts to begin with,
    they have a box and points from it besides: an answer that the memory alone gave is rough, and
    its rating says little.

    Parameters
    ----------
    decoder
        The decoder on features that the memories of the objects have conditioned.
    prompts
        None if the memory alone has to find the objects.
    """
    if prompts is None:
        masks = decoder.decode(_no_prompts(n_objects, decoder.device), _choice(model))
    else:
        masks = decoder.decode(prompts, single_mask)
    yield masks
    for _ in range(rounds - 1):
        own = masks.logits.detach()
        again = prompts_from(own) if prompts is None else shown_again(prompts, own)
        masks = decoder.decode(again, single_mask)
        yield masks


def _choice(model: SAM2Base) -> Select:
    """Return which mask the model takes for an object without a prompt, as sam2 does."""
    tracks_several = model.multimask_output_in_sam and model.multimask_output_for_tracking
    return _best_of_three if tracks_several and not model.multimask_min_pt_num else single_mask


def _alike(n_neighbours: Rows, prompted: npt.NDArray[np.bool_]) -> Iterator[Rows]:
    """Yield the rows of objects with as many neighbours and a prompt or none, group by group."""
    kinds = 2 * n_neighbours + prompted
    for kind in np.unique(kinds[n_neighbours > 0]):
        yield np.flatnonzero(kinds == kind)


def _no_prompts(n: int, device: torch.device) -> Prompts:
    """Return what sam2 says where it has no prompt: one point that is none, `n` times."""
    labels = torch.full((n, 1), NO_POINT, dtype=torch.int, device=device)
    return Prompts(torch.zeros(n, 1, 2, device=device), labels)


def _best_of_three(predicted_iou: Tensor) -> Tensor:
    chosen = torch.zeros_like(predicted_iou, dtype=torch.bool)
    return chosen.scatter(1, 1 + predicted_iou[:, 1:].argmax(1, keepdim=True), value=True)


def _iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the IoU of masks (B, n, n) bool, (B,) float32; 0 where both are empty."""
    both, either = (first & second).sum((1, 2)), (first | second).sum((1, 2))
    return both / either.clamp(min=1)


def _collect(
    decoder: PromptDecoder,
    ids: Rows,
    prompted: npt.NDArray[np.bool_],
    n_neighbours: Rows,
    found: list[_Answer],
) -> Remembered:
    """Put the answers of all groups into the order of the objects."""
    rows = np.concatenate([np.zeros(0, np.int64), *(answer.rows for answer in found)])
    order = np.argsort(rows)
    kept, place = rows[order], torch.from_numpy(order).to(decoder.device)
    nothing = decoder.no_masks()
    none = nothing.new_zeros(0)
    logits = torch.cat([nothing, *(answer.masks.logits for answer in found)])[place]
    rating = torch.cat([none, *(answer.masks.predicted_iou for answer in found)])[place]
    score = torch.cat([none, *(answer.object_logit for answer in found)])[place].sigmoid()
    agreement = torch.cat([none, *(answer.agreement for answer in found)])[place]
    chosen, with_prompt, counts = (
        torch.from_numpy(column[kept]).to(decoder.device)
        for column in (ids, prompted, n_neighbours)
    )
    proposals = Proposals(logits, rating.clamp(0, 1), stability(logits), chosen)
    return Remembered(proposals, score, with_prompt, counts, agreement)
