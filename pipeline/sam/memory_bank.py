"""SAM 2's memory: tokens of objects in other frames, and features conditioned by them.

The memory encoder turns the mask of an object in another frame and the features of that frame into
memory tokens; where the checkpoint has object pointers, the decoder's own token for that mask joins
them. The memory attention then looks the tokens up from each place of the frame at hand. All of it
follows sam2's video predictor for frames with a mask from the user, so called conditioning frames.
sam2 plays a video in one direction and uses object pointers of past frames only. Here a neighbour
on either side counts as past, by its distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sam2.modeling.sam2_base import SAM2Base
from sam2.modeling.sam2_utils import get_1d_sine_pe
from torch import Tensor

from pipeline.ids import resize_nearest
from pipeline.sam.decoder import PromptDecoder, Prompts
from pipeline.sam.encoder import ImageFeatures
from pipeline.sam.targets import NO_POINT


@dataclass(frozen=True, slots=True, eq=False)
class Neighbour:
    """Another frame of the scene, whose objects are remembered."""

    features: ImageFeatures
    ids: npt.NDArray[np.integer]
    """(h, w) ids of its objects; 0 where no object is. They cover the same view as the image and
    may have another size."""
    distance: int = 1
    """Frames between the two, at least 1, whichever comes first."""


@dataclass(frozen=True, slots=True, eq=False)
class Memories:
    """What is remembered of B objects."""

    tokens: Tensor
    """(B, T, c) float; those of object pointers come last."""
    positions: Tensor
    """(B, T, c) float: encoding of place and time of each token."""
    n_pointer_tokens: int
    """Tokens of object pointers, which have no place in the image."""


class MemoryBank:
    """The objects of a frame's neighbours, encoded as memories when they are asked for.

    Parameters
    ----------
    model
        A SAM 2 with a memory.
    decoder
        The model's decoder on any image: object pointers are read from its tokens.
    neighbours
        At least one frame.
    """

    def __init__(
        self, model: SAM2Base, decoder: PromptDecoder, neighbours: Sequence[Neighbour]
    ) -> None:
        self._model, self._decoder = model, decoder
        size = (model.image_size, model.image_size)
        maps = [resize_nearest(near.ids, size).astype(np.int64) for near in neighbours]
        self._present = [np.unique(ids) for ids in maps]
        self._maps = torch.from_numpy(np.stack(maps)).to(model.device)
        self._embeddings = torch.stack([plain_embedding(model, n.features) for n in neighbours])
        self._distances = torch.tensor([n.distance for n in neighbours], device=model.device)

    def shows(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which of the neighbours (K) show which of the objects (N), (N, K) bool."""
        return np.stack([np.isin(ids, present) for present in self._present], axis=1)

    def remember(self, ids: npt.NDArray[np.int64], which: npt.NDArray[np.int64]) -> Memories:
        """Encode the memories of objects from the neighbours that show them.

        Parameters
        ----------
        ids
            (B,) objects.
        which
            (B, M) numbers of the neighbours to remember each from.
        """
        device = self._model.device
        chosen = torch.from_numpy(which).to(device)
        wanted = torch.from_numpy(ids).to(device)[:, None, None, None]
        masks = (self._maps[chosen] == wanted).float().flatten(0, 1)
        embeddings = self._embeddings[chosen].flatten(0, 1)
        n, m = which.shape
        tokens, positions = encode_memory(self._model, embeddings, masks)
        width = tokens.shape[-1]
        columns, places = [tokens.reshape(n, -1, width)], [positions.reshape(n, -1, width)]
        n_pointer_tokens = 0
        if self._model.use_obj_ptrs_in_encoder:
            pointers = self._pointers(embeddings, masks)
            times = self._times(self._distances[chosen].flatten())
            parts = pointers.shape[-1] // self._model.mem_dim
            columns.append(pointers.reshape(n, m * parts, -1))
            places.append(times[:, None].expand(-1, parts, -1).reshape(n, m * parts, -1))
            n_pointer_tokens = m * parts
        return Memories(torch.cat(columns, 1), torch.cat(places, 1), n_pointer_tokens)

    def _pointers(self, embeddings: Tensor, masks: Tensor) -> Tensor:
        """Return the object pointers of masks (R, S, S) in their frames, (R, C)."""
        image = embeddings.flatten(2).transpose(1, 2)
        nowhere = embeddings.new_zeros(len(masks), 1, 2)
        labels = torch.full((len(masks), 1), NO_POINT, dtype=torch.int, device=masks.device)
        hint = self._model.mask_downsample(masks[:, None])[:, 0]
        decoder = self._decoder.conditioned(image)
        tokens = decoder.token_of_single_mask(Prompts(nowhere, labels, hint))
        pointers: Tensor = self._model.obj_ptr_proj(tokens)
        return pointers

    def _times(self, distances: Tensor) -> Tensor:
        """Return the encoding of distances (R,) in time for object pointers, (R, c)."""
        model = self._model
        if not model.add_tpos_enc_to_obj_ptrs:
            return torch.zeros(len(distances), model.mem_dim, device=distances.device)
        width = model.hidden_dim if model.proj_tpos_enc_in_obj_ptrs else model.mem_dim
        longest = max(1, model.max_obj_ptrs_in_encoder - 1)
        times: Tensor = get_1d_sine_pe(distances / longest, dim=width)
        projected: Tensor = model.obj_ptr_tpos_proj(times)
        return projected


def missing_memory(model: SAM2Base) -> str | None:
    """Return why a model cannot remember objects, or None if it can."""
    if model.num_maskmem > 0 and None not in (model.memory_encoder, model.memory_attention):
        return None
    return (
        f"the SAM 2 model has no memory (num_maskmem is {model.num_maskmem}; expected 1 or more, "
        "with memory_encoder and memory_attention); the official checkpoints and model.name=demo "
        "have one"
    )


def plain_embedding(model: SAM2Base, features: ImageFeatures) -> Tensor:
    """Return features as the memory takes them, (C, s, s): without the mark of "no memory"."""
    if not model.directly_add_no_mem_embed:
        return features.embedding
    plain: Tensor = features.embedding - model.no_mem_embed.reshape(-1, 1, 1)
    return plain


def encode_memory(model: SAM2Base, embeddings: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Encode masks of objects with the features of their frames.

    Parameters
    ----------
    embeddings
        (R, C, s, s) plain features of the frame of each mask.
    masks
        (R, S, S) float in [0, 1] at the size of the model's input.

    Returns
    -------
    tokens, positions
        (R, s², c) each.
    """
    scaled = masks[:, None] * model.sigmoid_scale_for_mem_enc + model.sigmoid_bias_for_mem_enc
    encoded = model.memory_encoder(embeddings, scaled, skip_mask_sigmoid=True)
    tokens = encoded["vision_features"].flatten(2).transpose(1, 2)
    positions = encoded["vision_pos_enc"][-1].flatten(2).transpose(1, 2)
    # The last row of the temporal encoding is that of conditioning frames.
    return tokens, positions + model.maskmem_tpos_enc[-1].view(1, 1, -1)


def condition(model: SAM2Base, embedding: Tensor, memories: Memories) -> Tensor:
    """Condition the features of a frame by the memories of B objects.

    Parameters
    ----------
    embedding
        (C, s, s) plain features shared by all objects, or (B, C, s, s).

    Returns
    -------
    (B, s², C) float, in the place of the decoder's image tokens.
    """
    n = len(memories.tokens)
    images = embedding.expand(n, -1, -1, -1)
    places = model.image_encoder.neck.position_encoding(images[:1]).expand(n, -1, -1, -1)
    conditioned = model.memory_attention(
        curr=images.flatten(2).permute(2, 0, 1),
        curr_pos=places.flatten(2).permute(2, 0, 1),
        memory=memories.tokens.transpose(0, 1),
        memory_pos=memories.positions.transpose(0, 1),
        num_obj_ptr_tokens=memories.n_pointer_tokens,
    )
    rows: Tensor = conditioned.transpose(0, 1)
    return rows
