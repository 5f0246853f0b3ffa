"""SAM 2's mask decoder, arranged for many prompts on one image.

The arithmetic is that of `sam2.modeling.sam.mask_decoder.MaskDecoder` with sam2's own weights, and
the results agree to rounding. The order of steps differs, because a frame has many prompts and
keeps few masks:

- Rating comes first. SAM's predicted IoU depends on the tokens alone, so the upscaling to mask
  resolution, half of the decoder's work, is done for the masks that a filter lets through.
- A prompt has about ten tokens, an image thousands. The projections of the attention between the
  two are applied to the tokens instead of the image: q·(W x) = (Wᵀ q)·x.
- Image positions stay rows of a matrix up to the last step: transposed convolutions of stride 2 are
  matrix products on rows, four rows out of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from sam2.modeling.sam.transformer import Attention, TwoWayAttentionBlock
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from pipeline.sam.batches import in_batches
from pipeline.sam.encoder import ImageFeatures


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """Prompts for SAM, one per row; coordinates are shares of the image's width and height."""

    points: Tensor
    """(B, P, 2) float, (x, y) in [0, 1]."""
    labels: Tensor
    """(B, P) int: 1 inside, 0 outside, 2 and 3 the corners of a box, -1 no point."""
    masks: Tensor | None = None
    """(B, 4 s, 4 s) float logits of a first guess, or None."""

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, rows: slice) -> Prompts:
        masks = None if self.masks is None else self.masks[rows]
        return Prompts(self.points[rows], self.labels[rows], masks)


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """Masks from SAM, in the order of their prompts."""

    logits: Tensor
    """(K, 4 s, 4 s) float32."""
    predicted_iou: Tensor
    """(K,) float32."""
    prompt: Tensor
    """(K,) int64: row of the prompt."""
    object_score: Tensor | None = None
    """(K,) float32 logits of SAM's opinion that the object is in view; None for a model that has
    none."""


# On a CPU, a batch of prompts is fastest when its image tokens, about this many numbers, fit into
# the caches.
_CACHED_NUMBERS = 2**20

Select: TypeAlias = Callable[[Tensor], Tensor]
"""From predicted IoU (B, 4) to the masks to compute, (B, 4) bool; column 0 is SAM's single mask."""


class PromptDecoder:
    """The mask decoder on one image.

    Parameters
    ----------
    model
        A SAM 2 model.
    features
        Features of the image.

    Attributes
    ----------
    image_size
        (H, W) of the image, in pixels.
    """

    def __init__(self, model: SAM2Base, features: ImageFeatures) -> None:
        self._prompt_encoder = model.sam_prompt_encoder
        self._decoder = model.sam_mask_decoder
        self._size = features.embedding.shape[-1]
        self._input_size = model.image_size
        self.image_size = features.image_size
        self._image = _rows(features.embedding)
        self._position = _rows(self._prompt_encoder.get_dense_pe()[0])
        high_res_0, high_res_1 = features.high_res
        grow_1, _, _, grow_0, _ = self._decoder.output_upscaling
        self._high_res_1 = _blocks(high_res_1, self._size) + grow_1.bias
        self._high_res_0 = _blocks(high_res_0, self._size) + grow_0.bias

    @property
    def device(self) -> torch.device:
        """Return the device of prompts and masks."""
        return self._image.device

    @property
    def mask_size(self) -> int:
        """Return the side of the masks, in cells."""
        return 4 * self._size

    def cells(self, pixels: float) -> float:
        """Convert an area in pixels of the image into cells of the masks."""
        height, width = self.image_size
        return pixels * self.mask_size**2 / (height * width)

    def no_masks(self) -> Tensor:
        """Return the logits of zero masks, (0, 4 s, 4 s) float32."""
        return torch.zeros(0, self.mask_size, self.mask_size, device=self.device)

    def decode_all(self, prompts: Prompts, select: Select, batch: int) -> Iterator[Masks]:
        """Decode any number of prompts, `batch` at a time; `prompt` counts over all of them.

        A batch that does not fit into the device's memory is halved, for all later batches too.
        """
        for start, masks in in_batches(
            len(prompts),
            self.fit(batch),
            lambda rows: self.decode(prompts[rows], select),
            "prompts",
        ):
            yield replace(masks, prompt=masks.prompt + start)

    def fit(self, batch: int) -> int:
        """Return the number of prompts in one call: `batch`, or what fits a CPU's caches."""
        if self._image.device.type != "cpu":
            return batch
        rows, channels = self._image.shape[-2:]
        return min(batch, max(1, _CACHED_NUMBERS // (rows * channels)))

    def conditioned(self, image: Tensor) -> PromptDecoder:
        """Return this decoder with other image tokens for each prompt.

        Parameters
        ----------
        image
            (B, s², C) tokens, such as those from the memory; the new decoder takes B prompts.
        """
        decoder = copy(self)
        decoder._image = image
        return decoder

    def token_of_single_mask(self, prompts: Prompts) -> Tensor:
        """Return the token of SAM's single mask for each prompt, (B, C), without any mask."""
        tokens, _ = self._attend(prompts)
        return tokens[:, int(self._decoder.pred_obj_scores) + 1]

    def decode(self, prompts: Prompts, select: Select) -> Masks:
        """Compute the selected masks of a batch of prompts in one pass.

        Parameters
        ----------
        prompts
            B prompts.
        select
            Chooses the masks to compute by their predicted IoU.
        """
        tokens, image = self._attend(prompts)
        first = int(self._decoder.pred_obj_scores)
        n_masks = self._decoder.num_mask_tokens
        predicted_iou = self._decoder.iou_prediction_head(tokens[:, first]).float()
        prompt, which = torch.nonzero(select(predicted_iou), as_tuple=True)
        mask_tokens = tokens[:, first + 1 : first + 1 + n_masks]
        logits = self._upscale(image, mask_tokens, prompt, which)
        score = None
        if self._decoder.pred_obj_scores:
            score = self._decoder.pred_obj_score_head(tokens[:, 0]).float()[prompt, 0]
        return Masks(logits, predicted_iou[prompt, which], prompt, score)

    def _attend(self, prompts: Prompts) -> tuple[Tensor, Tensor]:
        """Return the tokens (B, T, C) and the image tokens of each prompt, (B, s², C)."""
        points = prompts.points * self._input_size
        masks = None if prompts.masks is None else prompts.masks[:, None]
        sparse, dense = self._prompt_encoder((points, prompts.labels), None, masks)
        if masks is None:
            # Without masks, all prompts start from the same image tokens, which are kept once.
            dense = dense[0]
        own = [self._decoder.iou_token.weight, self._decoder.mask_tokens.weight]
        if self._decoder.pred_obj_scores:
            own.insert(0, self._decoder.obj_score_token.weight)
        own_tokens = torch.cat(own).expand(len(prompts), -1, -1)
        prompt_tokens = torch.cat([own_tokens, sparse], 1)
        image = self._image + dense.flatten(-2).transpose(-1, -2)

        transformer = self._decoder.transformer
        tokens = prompt_tokens
        for layer in transformer.layers:
            tokens, image = self._two_way(layer, tokens, prompt_tokens, image)
        attended = _to_image(
            transformer.final_attn_token_to_image,
            tokens + prompt_tokens,
            image + self._position,
            image,
        )
        return transformer.norm_final_attn(tokens + attended), image

    def _two_way(
        self, layer: TwoWayAttentionBlock, tokens: Tensor, prompt_tokens: Tensor, image: Tensor
    ) -> tuple[Tensor, Tensor]:
        if layer.skip_first_layer_pe:
            tokens = layer.self_attn(tokens, tokens, tokens)
        else:
            placed = tokens + prompt_tokens
            tokens = tokens + layer.self_attn(placed, placed, tokens)
        tokens = layer.norm1(tokens)
        placed_image = image + self._position
        tokens = tokens + _to_image(
            layer.cross_attn_token_to_image, tokens + prompt_tokens, placed_image, image
        )
        tokens = layer.norm2(tokens)
        tokens = layer.norm3(tokens + layer.mlp(tokens))
        image = layer.norm4(
            _from_tokens(
                layer.cross_attn_image_to_token, placed_image, tokens + prompt_tokens, tokens, image
            )
        )
        return tokens, image

    def _upscale(self, image: Tensor, mask_tokens: Tensor, prompt: Tensor, which: Tensor) -> Tensor:
        """Return the logits of masks `which` of the prompts `prompt`, (K, 4 s, 4 s) float32."""
        used, row = torch.unique(prompt, return_inverse=True)
        grow_1, norm, act_1, grow_0, act_0 = self._decoder.output_upscaling
        # The sums are in place, since these are the largest arrays.
        pixels = _grow(grow_1, image[used]).add_(self._high_res_1)
        pixels = act_1(F.layer_norm(pixels, pixels.shape[-1:], norm.weight, norm.bias, norm.eps))
        pixels = act_0(_grow(grow_0, pixels).add_(self._high_res_0))
        networks = self._decoder.output_hypernetworks_mlps
        hyper = torch.stack([net(mask_tokens[used, i]) for i, net in enumerate(networks)], 1)
        logits = hyper @ pixels.flatten(1, -2).transpose(1, 2)
        return _from_blocks(logits[row, which].float(), self._size)


def _to_image(attention: Attention, tokens: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Return `attention(tokens, keys, values)`, tokens to image, projecting the tokens only.

    Tokens are (B, T, C), keys and values (B, N, C), or (N, C) if all prompts share them.
    """
    queries = _scaled_heads(attention.q_proj(tokens), attention.num_heads)
    to_keys = _head_weights(attention.k_proj, attention.num_heads)
    # The key's bias adds the same to all scores of a query, which softmax cancels.
    folded = (queries @ to_keys).flatten(1, 2)
    weights = torch.softmax(folded @ keys.transpose(-1, -2), -1)
    mean = (weights @ values).view(*queries.shape[:3], -1)
    to_values = _head_weights(attention.v_proj, attention.num_heads)
    attended = (mean @ to_values.transpose(1, 2)).transpose(1, 2).flatten(2)
    out: Tensor = attention.out_proj(attended + attention.v_proj.bias)
    return out


def _from_tokens(
    attention: Attention, image: Tensor, keys: Tensor, values: Tensor, residual: Tensor
) -> Tensor:
    """Return `residual + attention(image, keys, values)`, image to tokens, projecting tokens only.

    Image and residual are (B, N, C), or (N, C) if all prompts share them; the result is
    (B, N, C).
    """
    heads = attention.num_heads
    projected = _scaled_heads(attention.k_proj(keys), heads)
    folded = (projected @ _head_weights(attention.q_proj, heads)).flatten(1, 2)
    offset = (projected @ attention.q_proj.bias.view(heads, -1, 1)).flatten(1, 2)
    scores = folded @ image.transpose(-1, -2) + offset
    weights = torch.softmax(scores.view(*projected.shape[:3], -1), 2).flatten(1, 2)
    to_out = attention.out_proj.weight.T.reshape(heads, -1, attention.embedding_dim)
    contributions = _heads(attention.v_proj(values), heads) @ to_out
    # The weights of a head add up to one, so the bias can be added to the values they weigh.
    contributions = (contributions + attention.out_proj.bias / heads).flatten(1, 2)
    return torch.baddbmm(residual, weights.transpose(1, 2), contributions)


def _scaled_heads(x: Tensor, heads: int) -> Tensor:
    """Split (B, T, heads·d) into heads and scale them by 1 / sqrt(d), (B, heads, T, d)."""
    split = _heads(x, heads)
    scaled: Tensor = split * split.shape[-1] ** -0.5
    return scaled


def _heads(x: Tensor, heads: int) -> Tensor:
    """Split (B, T, heads·d) into heads, (B, heads, T, d)."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def _head_weights(projection: nn.Linear, heads: int) -> Tensor:
    """Return the weights of a projection by head, (heads, d, C)."""
    return projection.weight.view(heads, -1, projection.in_features)


def _grow(convolution: nn.ConvTranspose2d, rows: Tensor) -> Tensor:
    """Apply a transposed convolution of kernel and stride 2, without bias: (…, C) to (…, 4, C')."""
    weight = convolution.weight.permute(0, 2, 3, 1).flatten(1)
    return (rows @ weight).view(*rows.shape[:-1], 4, convolution.out_channels)


def _rows(image: Tensor) -> Tensor:
    """Reshape (C, h, w) to (h·w, C)."""
    return image.flatten(1).transpose(0, 1).contiguous()


def _blocks(image: Tensor, size: int) -> Tensor:
    """Reshape (C, k·s, k·s) to (s², 4, …, C): rows of cells in the order that `_grow` makes."""
    if image.shape[-1] == size:
        return _rows(image)
    c, h, w = image.shape
    quarters = image.view(c, h // 2, 2, w // 2, 2).permute(2, 4, 0, 1, 3).flatten(0, 1)
    return torch.stack([_blocks(quarter, size) for quarter in quarters], -2)


def _from_blocks(logits: Tensor, size: int) -> Tensor:
    """Reshape (K, s²·16) in the order of `_blocks` to (K, 4 s, 4 s)."""
    k = len(logits)
    cells = logits.view(k, size, size, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)
    return cells.reshape(k, 4 * size, 4 * size)
