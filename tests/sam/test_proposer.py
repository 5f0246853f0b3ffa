from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from pipeline.clock import StageClock
from pipeline.config import Config, load_config
from pipeline.records import Proposals
from pipeline.sam import SAM2, Proposer

Image = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int32]
MODES = ("grid", "guided")


def proposer(config: Config, mode: str) -> Proposer:
    return SAM2.make(load_config(config, [f"proposals.mode={mode}"]))


def assert_equal(one: Proposals, other: Proposals) -> None:
    for field in ("logits", "predicted_iou", "stability", "prompt_ids"):
        torch.testing.assert_close(getattr(one, field), getattr(other, field))


@pytest.mark.parametrize("mode", MODES)
def test_fulfils_the_contract(config: Config, picture: Image, ids: Ids, mode: str) -> None:
    clock = StageClock()
    [proposals] = proposer(config, mode).propose([picture], [ids], clock)
    n = len(proposals.logits)
    assert n > 1
    assert proposals.logits.shape == (n, 32, 32)
    assert proposals.logits.dtype == torch.float32
    for values in (proposals.predicted_iou, proposals.stability):
        assert values.shape == (n,)
        assert values.dtype == torch.float32
        assert 0 <= values.min() <= values.max() <= 1
    assert proposals.prompt_ids.shape == (n,)
    assert proposals.prompt_ids.dtype == torch.int64
    assert set(clock.seconds) == {"aim", "encode", "decode"}
    assert not proposals.logits.requires_grad


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_is_its_images_one_by_one(
    config: Config, picture: Image, ids: Ids, mode: str
) -> None:
    images = [picture, picture[:48, ::-1], picture.transpose(1, 0, 2)]
    maps = [ids, ids[:48, ::-1], ids.T]
    ask = proposer(config, mode)
    together = ask.propose(images, maps, StageClock())
    for image, map_, of_batch in zip(images, maps, together, strict=True):
        [alone] = ask.propose([image], [map_], StageClock())
        assert_equal(of_batch, alone)


@pytest.mark.parametrize("mode", MODES)
def test_same_input_same_proposals(config: Config, picture: Image, ids: Ids, mode: str) -> None:
    [one] = proposer(config, mode).propose([picture], [ids], StageClock())
    [other] = proposer(config, mode).propose([picture], [ids], StageClock())
    assert torch.equal(one.logits, other.logits)


def test_grid_does_not_look_at_the_ids(config: Config, picture: Image, ids: Ids) -> None:
    ask = proposer(config, "grid")
    [one] = ask.propose([picture], [ids], StageClock())
    [other] = ask.propose([picture], [ids * 0], StageClock())
    assert_equal(one, other)
    assert one.prompt_ids.tolist() == [0] * len(one.prompt_ids)


def test_ids_may_have_another_size(config: Config, picture: Image, ids: Ids) -> None:
    ask = proposer(config, "guided")
    [one] = ask.propose([picture], [ids], StageClock())
    [other] = ask.propose([picture], [np.kron(ids, np.ones((2, 2), np.int32))], StageClock())
    assert_equal(one, other)


def test_half_precision_gives_nearly_the_same(config: Config, picture: Image, ids: Ids) -> None:
    half = load_config(config, ["model.precision=bfloat16"])
    [exact] = proposer(config, "guided").propose([picture], [ids], StageClock())
    [rough] = proposer(half, "guided").propose([picture], [ids], StageClock())
    assert rough.logits.dtype == rough.predicted_iou.dtype == torch.float32
    n = int((exact.prompt_ids > 0).sum())
    same = (rough.logits[:n] > 0) == (exact.logits[:n] > 0)
    assert same.float().mean() > 0.9
