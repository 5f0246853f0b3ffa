"""The forward pass and the losses of a training step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from training.examples import MASK_STRIDE, Batch


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Output of the image encoder, which is input of the mask decoder."""

    embedding: Tensor
    """(B, C, S/16, S/16)"""
    high_resolution: list[Tensor]
    """(B, C/8, S/4, S/4) and (B, C/4, S/8, S/8)."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Masks for P prompts: first SAM's single answer, then its three alternatives."""

    logits: Tensor
    """(P, 4, S/4, S/4)"""
    predicted_iou: Tensor
    """(P, 4) in [0, 1]"""


def encode(model: Any, images: Tensor) -> Features:
    """Run the image encoder as `SAM2ImagePredictor.set_image_batch` does."""
    levels = model.forward_image(images)["backbone_fpn"]
    embedding = levels[-1] + model.no_mem_embed[0, 0, :, None, None]
    return Features(embedding, list(levels[:-1]))


def resize_model(model: Any, size: int) -> None:
    """Set the image size of a SAM 2 and its prompt encoder to `size` pixels, in place."""
    model.image_size = size
    side = size // 16
    model.sam_image_embedding_size = side
    model.sam_prompt_encoder.input_image_size = (size, size)
    model.sam_prompt_encoder.image_embedding_size = (side, side)
    model.sam_prompt_encoder.mask_input_size = (size // MASK_STRIDE, size // MASK_STRIDE)


def answer(
    model: Any,
    features: Features,
    owner: Tensor,
    points: Tensor,
    labels: Tensor,
    hints: Tensor,
    has_hint: Tensor,
) -> Answer:
    """Return masks and ratings for prompts, ordered by image, some of which include a mask."""
    encoder, decoder = model.sam_prompt_encoder, model.sam_mask_decoder
    sparse, without = encoder(points=(points, labels), boxes=None, masks=None)
    dense = torch.where(has_hint[:, None, None, None], encoder._embed_masks(hints), without)
    logits, predicted_iou, _, _ = decoder.predict_masks(
        image_embeddings=_for_each(features.embedding, owner),
        image_pe=encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        repeat_image=False,
        high_res_features=[_for_each(level, owner) for level in features.high_resolution],
    )
    return Answer(logits.float(), predicted_iou.float())


def _for_each(level: Tensor, owner: Tensor) -> Tensor:
    """Repeat the features (B, ...) of images for each of their prompts, (P, ...)."""
    counts = torch.bincount(owner, minlength=len(level))
    return level.repeat_interleave(counts, dim=0)


def mask_losses(logits: Tensor, targets: Tensor, balance: float) -> Tensor:
    """Return cross entropy plus dice loss of each mask.

    Cross entropy is summed over cells and divided by the object's size. So a small object counts as
    much as a wall, and both sides of its border count the same. Early in training `balance` adds
    the mean over the inside and the mean over the outside in equal parts, which keeps masks from
    becoming empty.

    Parameters
    ----------
    logits
        (P, M, h, w)
    targets
        (P, h, w) in [0, 1]
    balance
        Weight of the balanced part, in [0, 1].

    Returns
    -------
    (P, M) Tensor
    """
    truth = targets[:, None].expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    area, cells = targets.sum((1, 2))[:, None], targets[0].numel()
    loss = entropy.sum((2, 3)) / (area + 0.03 * cells)
    if balance > 0:
        inside = (entropy * truth).sum((2, 3)) / (area + 1)
        outside = (entropy * (1 - truth)).sum((2, 3)) / (cells - area + 1)
        loss = loss + balance * (inside + outside)
    chance = logits.sigmoid()
    overlap = (chance * truth).sum((2, 3))
    return loss + 1 - (2 * overlap + 1) / (chance.sum((2, 3)) + area + 1)


def iou_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the IoU (P, M) of masks cut at 0 with targets cut at one half."""
    masks, truth = logits > 0, targets[:, None] > 0.5
    both = (masks & truth).sum((2, 3)).float()
    return both / (masks | truth).sum((2, 3)).clamp(min=1)


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Loss of a step, with figures for the log."""

    loss: Tensor
    best_iou: Tensor
    """(P,) IoU of the best of the three alternatives."""
    chosen_iou: Tensor
    """(P,) IoU of the alternative that the model itself rates best."""
    calibration: Tensor
    """(P, 4) absolute error of the predicted IoU."""


def judge(given: Answer, targets: Tensor, balance: float) -> Verdict:
    """Return the losses of an answer against the truth, as in the training of SAM.

    The single answer and the best of the three alternatives learn the mask. The other two learn it
    a tenth as much, so that none of them stops learning. Every rating learns the reached IoU.
    """
    losses = mask_losses(given.logits, targets, balance)
    alternatives = losses[:, 1:]
    mask_loss = losses[:, 0] + 0.9 * alternatives.amin(1) + 0.1 * alternatives.mean(1)
    with torch.no_grad():
        reached = iou_of(given.logits, targets)
    rating_loss = F.mse_loss(given.predicted_iou, reached)
    chosen = given.predicted_iou[:, 1:].argmax(1, keepdim=True)
    return Verdict(
        loss=mask_loss.mean() + 2.0 * rating_loss,
        best_iou=reached[:, 1:].amax(1),
        chosen_iou=reached[:, 1:].gather(1, chosen)[:, 0],
        calibration=(given.predicted_iou - reached).abs().detach(),
    )


def with_correction(batch: Batch, given: Answer, generator: torch.Generator) -> Batch:
    """Return the batch for a second round: with a correcting click, and the last mask as a hint.

    The click lies in a random wrong cell of the alternative that is rated best; it replaces the
    last of the points.
    """
    rows = torch.arange(len(given.logits))
    chosen = 1 + given.predicted_iou[:, 1:].argmax(1)
    shown = given.logits.detach()[rows, chosen]
    truth = batch.targets > 0.5
    wrong = ((shown > 0) ^ truth).flatten(1).float()
    anywhere = truth.flatten(1).float() + 1e-6
    weight = torch.where(wrong.sum(1, keepdim=True) > 0, wrong, anywhere)
    place = torch.multinomial(weight, 1, generator=generator)[:, 0]
    width = truth.shape[2]
    x, y = place % width, place // width
    points, labels = batch.points.clone(), batch.labels.clone()
    points[:, -1] = (torch.stack([x, y], 1).float() + 0.5) * MASK_STRIDE
    labels[:, -1] = truth.flatten(1)[rows, place].long()
    return Batch(
        batch.images, batch.owner, points, labels,
        shown[:, None].clamp(-20, 20), torch.ones_like(batch.has_hint), batch.targets, batch.kinds,
    )  # fmt: skip
