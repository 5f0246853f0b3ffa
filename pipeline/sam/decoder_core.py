"""The arithmetic of SAM 2's mask decoder: from prompts and image to tokens, and on to masks.

It is that of `sam2.modeling.sam.mask_decoder.MaskDecoder` with sam2's own weights, and the results
agree to rounding. The order of steps differs:

- A prompt has about ten tokens, an image thousands. The projections of the attention between the
  two are applied to the tokens instead of the image: q·(W x) = (Wᵀ q)·x.
- Image positions stay rows of a matrix up to the last step: transposed convolutions of stride 2 are
  matrix products on rows, four rows out of one.
"""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from sam2.modeling.sam.transformer import Attention, TwoWayAttentionBlock
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn


class Attended(NamedTuple):
    """What prompts and image made of each other."""

    image: Tensor
    """(B, s², C) image tokens of each prompt."""
    predicted_iou: Tensor
    """(B, M)."""
    object_score: Tensor | None
    """(B, 1), or None for a model that has none."""
    mask_tokens: Tensor
    """(B, M, C)."""


class DecoderCore:
    """The mask decoder of a model, in two steps on tensors alone."""

    def __init__(self, model: SAM2Base) -> None:
        self._prompt_encoder = model.sam_prompt_encoder
        self._decoder = model.sam_mask_decoder
        self._input_size = model.image_size

    def position(self) -> Tensor:
        """Return the positional encoding of the image tokens, (s², C)."""
        dense: Tensor = self._prompt_encoder.get_dense_pe()[0]
        return dense.flatten(1).transpose(0, 1).contiguous()

    def attend(
        self, image: Tensor, position: Tensor, points: Tensor, labels: Tensor, masks: Tensor | None
    ) -> Attended:
        """Let prompts and image attend to each other.

        Parameters
        ----------
        image
            (s², C) tokens of the image, or (B, s², C) for each prompt.
        position
            (s², C) from `position`.
        points, labels, masks
            The columns of `Prompts`.
        """
        prompt_masks = None if masks is None else masks[:, None]
        sparse, dense = self._prompt_encoder(
            (points * self._input_size, labels), None, prompt_masks
        )
        if masks is None:
            # Without masks, all prompts start from the same image tokens, which are kept once.
            dense = dense[0]
        own = [self._decoder.iou_token.weight, self._decoder.mask_tokens.weight]
        if self._decoder.pred_obj_scores:
            own.insert(0, self._decoder.obj_score_token.weight)
        prompt_tokens = torch.cat([torch.cat(own).expand(len(points), -1, -1), sparse], 1)
        tokens, image = self._two_ways(
            prompt_tokens, image + dense.flatten(-2).transpose(-1, -2), position
        )
        first = int(self._decoder.pred_obj_scores)
        return Attended(
            image,
            self._decoder.iou_prediction_head(tokens[:, first]),
            self._decoder.pred_obj_score_head(tokens[:, 0]) if first else None,
            tokens[:, first + 1 : first + 1 + self._decoder.num_mask_tokens],
        )

    def draw(
        self, image: Tensor, mask_tokens: Tensor, high_res_1: Tensor, high_res_0: Tensor
    ) -> Tensor:
        """Return the logits of all masks of U prompts, (U, M, s²·16), rows in blocks of cells.

        Parameters
        ----------
        image, mask_tokens
            (U, s², C) and (U, M, C), of `attend`.
        high_res_1, high_res_0
            (s², 4, C / 4) and (s², 4, 4, C / 8): features of the image, biases included.
        """
        grow_1, norm, act_1, grow_0, act_0 = self._decoder.output_upscaling
        # The sums are in place, since these are the largest arrays.
        pixels = _grow(grow_1, image).add_(high_res_1)
        pixels = act_1(F.layer_norm(pixels, pixels.shape[-1:], norm.weight, norm.bias, norm.eps))
        pixels = act_0(_grow(grow_0, pixels).add_(high_res_0))
        networks = self._decoder.output_hypernetworks_mlps
        hyper = torch.stack([net(mask_tokens[:, i]) for i, net in enumerate(networks)], 1)
        logits: Tensor = hyper @ pixels.flatten(1, -2).transpose(1, 2)
        return logits

    def bias_of(self, step: int) -> Tensor:
        """Return the biases to add to the features `high_res_1` or `high_res_0`, (C,)."""
        grow_1, _, _, grow_0, _ = self._decoder.output_upscaling
        bias: Tensor = (grow_0, grow_1)[step].bias
        return bias

    def _two_ways(
        self, prompt_tokens: Tensor, image: Tensor, position: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return tokens (B, T, C) and image tokens (B, s², C) after all layers."""
        transformer = self._decoder.transformer
        tokens = prompt_tokens
        for layer in transformer.layers:
            tokens, image = _two_way(layer, tokens, prompt_tokens, image, position)
        attended = _to_image(
            transformer.final_attn_token_to_image, tokens + prompt_tokens, image + position, image
        )
        return transformer.norm_final_attn(tokens + attended), image


_cores: WeakKeyDictionary[SAM2Base, DecoderCore] = WeakKeyDictionary()


def core_of(model: SAM2Base) -> DecoderCore:
    """Return the core of a model's mask decoder: the one given to `use_core`, or a plain one."""
    return _cores.get(model) or DecoderCore(model)


def use_core(model: SAM2Base, core: DecoderCore) -> None:
    """Have a model's mask decoder compute with a core from now on."""
    _cores[model] = core


def _two_way(
    layer: TwoWayAttentionBlock,
    tokens: Tensor,
    prompt_tokens: Tensor,
    image: Tensor,
    position: Tensor,
) -> tuple[Tensor, Tensor]:
    if layer.skip_first_layer_pe:
        tokens = layer.self_attn(tokens, tokens, tokens)
    else:
        placed = tokens + prompt_tokens
        tokens = tokens + layer.self_attn(placed, placed, tokens)
    tokens = layer.norm1(tokens)
    placed_image = image + position
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
