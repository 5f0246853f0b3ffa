"""The compiled model: the same masks, from batches of a few sizes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sam2.modeling.sam2_base import SAM2Base
from torch.testing import assert_close

from pipeline.sam.compiled import SIZES, compiled, fixed_size
from pipeline.sam.decoder import Masks, PromptDecoder, Prompts
from pipeline.sam.encoder import encode
from pipeline.sam.limits import forget_limits, lower_limit
from tests.tools import need_program

Image = npt.NDArray[np.uint8]


@pytest.fixture(autouse=True)
def nothing_compiled_before() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


class Recorder:
    """A compiler that compiles nothing, and counts what it is given."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: Any, _inputs: Any) -> Callable[..., Any]:
        self.graphs += 1
        return graph.forward


@torch.inference_mode()
def some_prompts(n: int, cells: int, *, with_masks: bool) -> Prompts:
    generator = torch.Generator().manual_seed(n)
    masks = torch.randn(n, cells, cells, generator=generator) if with_masks else None
    points = torch.rand(n, 3, 2, generator=generator)
    return Prompts(points, torch.tensor([2, 3, 1]).repeat(n, 1), masks)


def best(predicted_iou: torch.Tensor) -> torch.Tensor:
    """Select the mask with the highest rating, of every second prompt."""
    chosen = predicted_iou == predicted_iou.amax(1, keepdim=True)
    chosen[1::2] = False
    return chosen


def decode(model: SAM2Base, image: Image, prompts: Prompts) -> Masks:
    with torch.inference_mode():
        [features] = encode(model, [image])
        return PromptDecoder(model, features).decode(prompts, best)


def assert_same(found: Masks, expected: Masks) -> None:
    assert torch.equal(found.prompt, expected.prompt)
    assert_close(found.logits, expected.logits, rtol=1e-3, atol=1e-3)
    assert_close(found.predicted_iou, expected.predicted_iou, rtol=1e-4, atol=1e-4)
    assert (found.object_score is None) == (expected.object_score is None)


@pytest.mark.parametrize("with_masks", [True, False])
def test_masks_are_the_same_and_few_sizes_are_compiled(
    model: SAM2Base, picture: Image, with_masks: bool
) -> None:
    recorder = Recorder()
    twin = compiled(model, recorder)
    for n in (5, 16, 1, 17, 9, 64, 3):
        prompts = some_prompts(n, 4 * model.sam_image_embedding_size, with_masks=with_masks)
        assert_same(decode(twin, picture, prompts), decode(model, picture, prompts))
    # The encoder; attention among 16 and 64 prompts; and drawing of every second one, 16 and 64.
    assert recorder.graphs == 1 + 2 + 2


def test_images_are_encoded_in_few_sizes(model: SAM2Base, picture: Image) -> None:
    recorder = Recorder()
    twin = compiled(model, recorder)
    images = [np.roll(picture, 7 * shift, 0) for shift in range(4)]
    with torch.inference_mode():
        for n in (4, 3, 2, 1):
            for found, expected in zip(
                encode(twin, images[:n]), encode(model, images[:n]), strict=True
            ):
                assert_close(found.embedding, expected.embedding, rtol=1e-4, atol=1e-4)
                assert_close(found.high_res, expected.high_res, rtol=1e-4, atol=1e-4)
    assert recorder.graphs == 2


def test_the_twin_has_the_models_own_weights(model: SAM2Base) -> None:
    encoder = model.image_encoder
    own, shared = ({id(p) for p in each.parameters()} for each in (model, compiled(model)))
    assert own == shared
    assert model.image_encoder is encoder


@pytest.mark.parametrize("error", [RuntimeError("no C compiler\nat all"), OSError("no Triton")])
def test_what_cannot_be_compiled_computes_as_before(
    model: SAM2Base, picture: Image, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> Callable[..., Any]:
        raise error

    twin = compiled(model, broken)
    prompts = some_prompts(5, 4 * model.sam_image_embedding_size, with_masks=True)
    with caplog.at_level(logging.WARNING, "pipeline.sam.compiled"):
        for _ in range(2):
            assert_same(decode(twin, picture, prompts), decode(model, picture, prompts))
    # Once for the encoder, and once for each step of the decoder.
    assert len(caplog.messages) == 3
    assert all("the model is not compiled" in message for message in caplog.messages)


def test_a_batch_is_not_filled_up_beyond_what_fits_into_memory() -> None:
    assert fixed_size(20, "prompts") == 64
    try:
        lower_limit("prompts", 40)
        assert fixed_size(20, "prompts") is None
        assert fixed_size(16, "prompts") == 16
    finally:
        forget_limits()


@given(n=st.integers(1, 1000))
def test_a_fixed_size_is_enough_and_not_much_more(n: int) -> None:
    for kind, sizes in SIZES.items():
        size = fixed_size(n, kind)
        assert size is not None
        assert n <= size < max(sizes[0] + 1, n + sizes[-1])
        assert size in sizes or size % sizes[-1] == 0
    assert fixed_size(0, "prompts") is None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_torchs_own_compiler_gives_the_same_masks(model: SAM2Base, picture: Image) -> None:
    need_program("cc")
    twin = compiled(model)
    prompts = some_prompts(5, 4 * model.sam_image_embedding_size, with_masks=True)
    assert_same(decode(twin, picture, prompts), decode(model, picture, prompts))
