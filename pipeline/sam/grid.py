"""Segment everything: a grid of points over the image, and the masks SAM is sure of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pipeline.clock import StageClock
from pipeline.config import Config
from pipeline.records import Proposals
from pipeline.sam.decoder import PromptDecoder, Prompts
from pipeline.sam.encoder import encode
from pipeline.sam.masks import remove_small_regions, stability, suppress_duplicates
from pipeline.sam.model import arithmetic, load_model

# Candidates that wait for the NMS; more are thinned out at once, so that memory stays bounded.
_MAX_WAITING = 1024


class GridProposer:
    """SAM 2's automatic mask generation, at low resolution from end to end.

    Same prompts, same thresholds and the same greedy choice by predicted IoU as sam2's
    `SAM2AutomaticMaskGenerator`. Two masks are duplicates by the overlap of the masks themselves,
    not of their boxes.
    """

    def __init__(self, config: Config) -> None:
        self._model_config = config.model
        self._config = config.proposals
        self._model = load_model(config)
        self._points = point_grid(self._config.points_per_side).to(self._model.device)

    def propose(
        self,
        images: Sequence[npt.NDArray[np.uint8]],
        coarse_ids: Sequence[npt.NDArray[np.integer]],  # noqa: ARG002 - a grid does not look at them
        clock: StageClock,
    ) -> list[Proposals]:
        """See `Proposer.propose`."""
        with arithmetic(self._model_config, self._model.device):
            with clock("encode"):
                features = encode(self._model, images)
            with clock("decode"):
                return [
                    self._segment_everything(PromptDecoder(self._model, of_image), image.shape[:2])
                    for of_image, image in zip(features, images, strict=True)
                ]

    def _segment_everything(self, decoder: PromptDecoder, image_size: tuple[int, ...]) -> Proposals:
        labels = torch.ones(self._points.shape[:2], dtype=torch.int, device=self._points.device)
        prompts = Prompts(self._points, labels)
        waiting: list[Tensor] = []
        ratings: list[Tensor] = []
        for masks in decoder.decode_all(prompts, self._sure_enough, self._config.points_per_batch):
            stable = stability(masks.logits) >= self._config.stability_threshold
            waiting.append(masks.logits[stable])
            ratings.append(masks.predicted_iou[stable])
            if sum(map(len, ratings)) > _MAX_WAITING:
                logits, rating = self._best(waiting, ratings)
                waiting, ratings = [logits], [rating]
        logits, rating = self._best(waiting, ratings)
        cells_per_pixel = logits[0].numel() / float(np.prod(image_size)) if len(logits) else 0.0
        logits = remove_small_regions(logits, self._config.min_region_area * cells_per_pixel)
        return Proposals(
            logits,
            rating.clamp(0, 1),
            stability(logits),
            torch.zeros(len(logits), dtype=torch.int64, device=logits.device),
        )

    def _sure_enough(self, predicted_iou: Tensor) -> Tensor:
        sure = predicted_iou > self._config.predicted_iou_threshold
        # A single point is ambiguous: SAM answers with whole, part and subpart, not with the one
        # mask of its first token.
        sure[:, 0] = False
        return sure

    def _best(self, waiting: list[Tensor], ratings: list[Tensor]) -> tuple[Tensor, Tensor]:
        logits, rating = torch.cat(waiting), torch.cat(ratings)
        kept = suppress_duplicates(logits, rating, self._config.nms_threshold)
        return logits[kept], rating[kept]


def point_grid(points_per_side: int) -> Tensor:
    """Return the centres of a grid of cells, (n², 1, 2) float32, (x, y) in [0, 1], row by row."""
    ticks = (torch.arange(points_per_side, dtype=torch.float32) + 0.5) / points_per_side
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 1, 2)
