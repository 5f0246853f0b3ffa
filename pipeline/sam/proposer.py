"""Proposers: the interface through which masks are proposed, and its implementation by SAM 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from pipeline.clock import StageClock
from pipeline.config import Config, ProposalsConfig
from pipeline.records import Proposals
from pipeline.sam.decoder import PromptDecoder
from pipeline.sam.encoder import ImageFeatures, encode
from pipeline.sam.grid import segment_everything
from pipeline.sam.guided import segment_objects
from pipeline.sam.model import arithmetic, load_model, resolve_device
from pipeline.sam.support import image_support

_IMAGES_ON_GPU = 4


class Proposer(Protocol):
    """Proposes masks for images.

    Images of a batch are independent: each gets the proposals that it would get alone. A proposer
    is deterministic, keeps no memory of earlier images, and may be called from one thread at a
    time. It needs no gradient context and leaves none behind.
    """

    images_per_call: int
    """Best number of images for a call of `propose`."""

    def propose(
        self,
        images: Sequence[npt.NDArray[np.uint8]],
        coarse_ids: Sequence[npt.NDArray[np.integer]],
        clock: StageClock,
    ) -> list[Proposals]:
        """Propose masks for a batch of images.

        Parameters
        ----------
        images
            (H, W, 3) uint8 RGB each, of any sizes.
        coarse_ids
            The coarse id map of each image: (h, w) integers, 0 where no object is. It covers the
            same view as the image and may have another size.
        clock
            Receives the time of the stages `encode` and `decode`.

        Returns
        -------
        list of Proposals
            One per image, in order; empty for an image without masks.

        Raises
        ------
        torch.OutOfMemoryError
            Not even a single prompt fits into the device's memory.
        """
        ...


class SamProposer:
    """SAM 2 as a proposer in both modes: encodes a batch of images, then decodes each.

    Parameters
    ----------
    config
        Its sections `model` and `proposals` are used.

    Raises
    ------
    ModelError
        As `load_model`.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._model = load_model(config)
        self.images_per_call = _images_per_call(config)

    def propose(
        self,
        images: Sequence[npt.NDArray[np.uint8]],
        coarse_ids: Sequence[npt.NDArray[np.integer]],
        clock: StageClock,
    ) -> list[Proposals]:
        """See `Proposer.propose`."""
        device = self._model.device
        with arithmetic(self._config.model, device):
            with clock("encode"):
                features = encode(self._model, images)
                _wait_for(device)
            with clock("decode"):
                proposals = [
                    _ask(PromptDecoder(self._model, each), each, ids, self._config.proposals)
                    for each, ids in zip(features, coarse_ids, strict=True)
                ]
                _wait_for(device)
        return proposals


def propose_variants(
    config: Config,
    variants: Sequence[ProposalsConfig],
    image: npt.NDArray[np.uint8],
    coarse_ids: npt.NDArray[np.integer],
    clock: StageClock,
) -> list[Proposals]:
    """Propose masks for one image with several settings, and encode the image only once.

    Parameters
    ----------
    config
        Its section `model` is used.
    variants
        The sections `proposals` to try. The result for each equals that of `propose`.
    image, coarse_ids, clock
        As for `Proposer.propose`.
    """
    model = load_model(config)
    with arithmetic(config.model, model.device):
        with clock("encode"):
            [features] = encode(model, [image])
            _wait_for(model.device)
        with clock("decode"):
            decoder = PromptDecoder(model, features)
            proposals = [_ask(decoder, features, coarse_ids, variant) for variant in variants]
            _wait_for(model.device)
    return proposals


def _ask(
    decoder: PromptDecoder,
    features: ImageFeatures,
    coarse_ids: npt.NDArray[np.integer],
    config: ProposalsConfig,
) -> Proposals:
    if config.mode == "guided":
        proposals = segment_objects(decoder, coarse_ids, config)
    else:
        proposals = segment_everything(decoder, config)
    return replace(proposals, image_support=image_support(features.high_res[0], coarse_ids))


def _wait_for(device: torch.device) -> None:
    """Wait until the device is done, so that the clock counts its work to the right stage."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _images_per_call(config: Config) -> int:
    """Return the number of images per call: a GPU is faster with several, a CPU is not."""
    on_gpu = resolve_device(config.model).type == "cuda"
    return config.proposals.images_per_batch or (_IMAGES_ON_GPU if on_gpu else 1)
