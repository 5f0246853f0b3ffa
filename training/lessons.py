"""Lessons for a memory: objects of one frame of a clip, shown in the clip's other frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from pipeline.sam.decoder import PromptDecoder, Prompts
from pipeline.sam.guided import FINENESS, prompts_for
from pipeline.sam.memory import ask_in_rounds
from pipeline.sam.memory_bank import Memories, condition, encode_memory
from pipeline.sam.targets import find_targets
from training.clips import FRAMES, SMALLEST, Clip
from training.examples import MASK_STRIDE
from training.objective import iou_of

PROMPTED = 0.6
"""Share of the lessons that have prompts from the coarse map."""
COARSE = 0.4
"""Share of the remembered masks that are coarse; the others are true."""
SECOND_ROUND = 0.4
"""Share of the lessons in which SAM is shown its own mask in a second round."""
RATING = 0.25
"""Weight of the error of the predicted IoU."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Objects of one frame that are all shown by the same other frames."""

    clip: Clip
    frame: int
    neighbours: npt.NDArray[np.int64]
    """(M,) the other frames that are remembered."""
    ids: npt.NDArray[np.int64]
    """(B,) objects; some may be out of view, if there are no prompts."""
    masks: npt.NDArray[np.bool_]
    """(B, M, S, S) their masks in the other frames."""
    prompted: bool
    again: bool
    """Whether there is a second round."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What the model says of the objects of a lesson in one round, and what is true."""

    logits: Tensor
    """(B, n, n)"""
    predicted_iou: Tensor
    """(B,)"""
    goal: Tensor
    """(B, n, n) float: share of each cell that the object covers."""
    prompted: bool

    @property
    def gone(self) -> Tensor:
        """Return which of the objects are out of view, (B,) bool."""
        return ~self.goal.flatten(1).any(1)

    @property
    def empty(self) -> Tensor:
        """Return which of the masks are empty, (B,) bool."""
        return ~(self.logits > 0).flatten(1).any(1)

    def losses(self) -> Tensor:
        """Return the loss of each object, (B,)."""
        given = self.logits.sigmoid()
        both, either = (given * self.goal).sum((1, 2)), given.sum((1, 2)) + self.goal.sum((1, 2))
        dice = 1 - (2 * both + 1) / (either + 1)
        # Dice hardly falls as a large mask of nothing shrinks, so its cells count instead.
        seen = given.detach()
        ghost = (seen * F.softplus(self.logits)).sum((1, 2)) / (seen.sum((1, 2)) + 1)
        overlap = torch.where(self.gone, ghost, dice)
        by_cell = F.binary_cross_entropy_with_logits(self.logits, self.goal, reduction="none")
        rating = (self.predicted_iou - self.iou()).abs()
        return overlap + 5 * by_cell.mean((1, 2)) + RATING * rating

    def iou(self) -> Tensor:
        """Return the IoU of each mask with the truth, (B,), without a gradient."""
        return iou_of(self.logits.detach()[:, None], self.goal)[:, 0]


def draw_lesson(
    clip: Clip, n_neighbours: int, n_objects: int, rng: np.random.Generator
) -> Lesson | None:
    """Draw a lesson from a clip; None if nothing fits what was drawn."""
    order = rng.permutation(FRAMES)
    frame, neighbours = int(order[0]), order[1 : 1 + n_neighbours]
    prompted, again = bool(rng.random() < PROMPTED), bool(rng.random() < SECOND_ROUND)
    sizes = np.array([np.bincount(ids.ravel(), minlength=256) for ids in clip.exact])
    remembered = (sizes[neighbours] >= SMALLEST).all(0) & (np.arange(256) > 0)
    there = sizes[frame] >= SMALLEST
    if prompted:
        there &= np.bincount(clip.coarse[frame].ravel(), minlength=256) >= SMALLEST
    ids = rng.permutation(np.flatnonzero(remembered & there))[:n_objects]
    if not prompted:
        gone = rng.permutation(np.flatnonzero(remembered & (sizes[frame] == 0)))[:2]
        ids = np.concatenate([ids[: n_objects - len(gone)], gone])
    if not len(ids):
        return None
    wanted = ids[:, None, None, None]
    true, coarse = clip.exact[neighbours] == wanted, clip.coarse[neighbours] == wanted
    spoilt = (rng.random((len(ids), n_neighbours)) < COARSE) & coarse.any((2, 3))
    masks = np.where(spoilt[..., None, None], coarse, true)
    return Lesson(clip, frame, neighbours, ids, masks, prompted, again)


def answer_lessons(model: SAM2Base, lessons: Sequence[Lesson]) -> Iterator[Answers]:
    """Ask the model for the objects of lessons with as many neighbours each; yield every round."""
    counts = [len(lesson.ids) for lesson in lessons]
    masks = torch.cat([torch.from_numpy(lesson.masks) for lesson in lessons])
    masks = masks.to(model.device).float()
    own = _repeated([lesson.clip.embeddings[lesson.frame] for lesson in lessons], counts)
    others = _repeated([lesson.clip.embeddings[lesson.neighbours] for lesson in lessons], counts)
    own, others = own.to(model.device), others.to(model.device)
    n = len(masks)
    tokens, positions = encode_memory(model, others.flatten(0, 1), masks.flatten(0, 1))
    width = tokens.shape[-1]
    memories = Memories(tokens.reshape(n, -1, width), positions.reshape(n, -1, width), 0)
    images = torch.split(condition(model, own, memories), counts)
    for lesson, image in zip(lessons, images, strict=True):
        yield from _answer(model, lesson, image)


def _repeated(parts: Sequence[Tensor], counts: Sequence[int]) -> Tensor:
    """Return each part as often as it has objects, one after the other, float32."""
    pairs = zip(parts, counts, strict=True)
    return torch.stack([part.float() for part, count in pairs for _ in range(count)])


def _answer(model: SAM2Base, lesson: Lesson, image: Tensor) -> Iterator[Answers]:
    clip, frame = lesson.clip, lesson.frame
    features = clip.features(frame, model.no_mem_embed.reshape(-1, 1, 1))
    decoder = PromptDecoder(model, features).conditioned(image)
    exact = torch.from_numpy(clip.exact[frame]).to(model.device)
    ids = torch.from_numpy(lesson.ids).to(model.device)
    goal = F.avg_pool2d((exact == ids[:, None, None]).float(), MASK_STRIDE)
    prompts, rounds = _prompts(lesson, decoder), 1 + lesson.again
    for masks in ask_in_rounds(model, decoder, prompts, len(ids), rounds):
        yield Answers(masks.logits, masks.predicted_iou, goal, lesson.prompted)


def _prompts(lesson: Lesson, decoder: PromptDecoder) -> Prompts | None:
    if not lesson.prompted:
        return None
    targets = find_targets(lesson.clip.coarse[lesson.frame], FINENESS * decoder.mask_size)
    drawn = torch.from_numpy(targets.drawn).to(decoder.device)
    return prompts_for(targets, drawn, np.searchsorted(targets.ids, lesson.ids))
