"""Proposers: the interface through which masks are proposed, and its implementation by SAM 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from sam2.modeling.sam2_base import SAM2Base

from pipeline.clock import StageClock
from pipeline.config import Config, ProposalsConfig
from pipeline.records import Proposals
from pipeline.sam.decoder import PromptDecoder
from pipeline.sam.encoder import ImageFeatures, as_pixels, encode
from pipeline.sam.grid import segment_everything
from pipeline.sam.guided import aim, segment_objects
from pipeline.sam.model import arithmetic, load_for_many, load_lowered, resolve_device
from pipeline.sam.support import image_support
from pipeline.sam.targets import Targets

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
            Receives the time of the stages `aim`, `encode` and `decode`.

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


@runtime_checkable
class PreparingProposer(Proposer, Protocol):
    """A proposer with work that needs no device, which other threads do ahead of its turn."""

    def prepare(
        self,
        image: npt.NDArray[np.uint8],
        coarse_ids: npt.NDArray[np.integer],
        clock: StageClock,
    ) -> Any:
        """Do this work for an image; any number of threads may call this at once.

        Parameters
        ----------
        image, coarse_ids
            As for `Proposer.propose`.
        clock
            Receives the time of the stage `aim`.
        """
        ...

    def propose_prepared(self, prepared: Sequence[Any], clock: StageClock) -> list[Proposals]:
        """Propose what `Proposer.propose` does for images that were prepared."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An image that is ready for SAM 2, and the prompts for it."""

    pixels: torch.Tensor
    """(H, W, 3) uint8, in pinned memory if the device is a GPU."""
    coarse_ids: npt.NDArray[np.integer]
    """(h, w)."""
    targets: Targets | None
    """The targets of prompts; None for a grid."""


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
        self._model = load_for_many(config)
        self.images_per_call = _images_per_call(config)

    def propose(
        self,
        images: Sequence[npt.NDArray[np.uint8]],
        coarse_ids: Sequence[npt.NDArray[np.integer]],
        clock: StageClock,
    ) -> list[Proposals]:
        """See `Proposer.propose`."""
        pairs = zip(images, coarse_ids, strict=True)
        return self.propose_prepared([self.prepare(*pair, clock) for pair in pairs], clock)

    def prepare(
        self,
        image: npt.NDArray[np.uint8],
        coarse_ids: npt.NDArray[np.integer],
        clock: StageClock,
    ) -> Prepared:
        """See `PreparingProposer.prepare`."""
        with clock("aim"):
            return _prepared(self._model, image, coarse_ids, self._config.proposals)

    def propose_prepared(self, prepared: Sequence[Prepared], clock: StageClock) -> list[Proposals]:
        """See `PreparingProposer.propose_prepared`."""
        device = self._model.device
        with arithmetic(self._config.model, device):
            with clock("encode"):
                features = encode(self._model, [each.pixels for each in prepared])
                _wait_for(device)
            with clock("decode"):
                proposals = [
                    _ask(
                        PromptDecoder(self._model, of_image), of_image, each, self._config.proposals
                    )
                    for of_image, each in zip(features, prepared, strict=True)
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
    model = load_lowered(config)
    with clock("aim"):
        ready = [_prepared(model, image, coarse_ids, variant) for variant in variants]
    with arithmetic(config.model, model.device):
        with clock("encode"):
            [features] = encode(model, [ready[0].pixels])
            _wait_for(model.device)
        with clock("decode"):
            decoder = PromptDecoder(model, features)
            proposals = [
                _ask(decoder, features, each, variant)
                for each, variant in zip(ready, variants, strict=True)
            ]
            _wait_for(model.device)
    return proposals


def _prepared(
    model: SAM2Base,
    image: npt.NDArray[np.uint8],
    coarse_ids: npt.NDArray[np.integer],
    config: ProposalsConfig,
) -> Prepared:
    targets = aim(model, coarse_ids) if config.mode == "guided" else None
    return Prepared(as_pixels(image, model.device), coarse_ids, targets)


def _ask(
    decoder: PromptDecoder, features: ImageFeatures, prepared: Prepared, config: ProposalsConfig
) -> Proposals:
    if prepared.targets is None:
        proposals = segment_everything(decoder, config)
    else:
        proposals = segment_objects(decoder, prepared.targets, config)
    support = image_support(features.high_res[0], prepared.coarse_ids)
    return replace(proposals, image_support=support)


def _wait_for(device: torch.device) -> None:
    """Wait for what this thread gave the device, so that it counts to the right stage.

    Other threads may use its results then. Their own work is not waited for.
    """
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()


def _images_per_call(config: Config) -> int:
    """Return the number of images per call: a GPU is faster with several, a CPU is not."""
    on_gpu = resolve_device(config.model).type == "cuda"
    return config.proposals.images_per_batch or (_IMAGES_ON_GPU if on_gpu else 1)
