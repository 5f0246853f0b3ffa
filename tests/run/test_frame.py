from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.clock import StageClock
from pipeline.config import load_config
from pipeline.dataset import Layout, discover
from pipeline.dataset.provenance import digest_inputs
from pipeline.records import Proposals
from pipeline.run import frame
from pipeline.run.frame import read_frame
from tests.proposers import Handing

MakeDataset = Callable[..., Path]


class OneMask:
    """A proposer of the left half of any image."""

    images_per_call = 1

    def propose(self, images: list, coarse_ids: list, clock: StageClock) -> list[Proposals]:
        logits = torch.full((1, 16, 16), -8.0)
        logits[:, :, :8] = 8.0
        return [Proposals(logits, torch.ones(1), torch.ones(1), torch.zeros(1, dtype=torch.int64))]


refine_frame = partial(frame.refine_frame, proposers=Handing.out(OneMask()))


def test_arrays_are_refined_at_the_size_of_the_ids() -> None:
    ids = np.zeros((32, 64), np.int64)
    ids[:, :29] = 7
    refined = refine_frame(np.zeros((64, 128, 3), np.uint8), ids)
    assert refined.ids.dtype == np.uint16
    assert (refined.ids[:, :32] == 7).all()
    assert (refined.ids[:, 32:] == 0).all()
    [record] = refined.objects
    assert (record.id, record.how, record.n_masks, record.area) == (7, "direct", 1, 32 * 32)


@pytest.mark.parametrize(
    ("image", "ids", "message"),
    [
        (np.zeros((8, 8, 3)), np.zeros((8, 8), int), "image: found float64"),
        (np.zeros((8, 8), np.uint8), np.zeros((8, 8), int), "image: found uint8"),
        (np.zeros((8, 8, 3), np.uint8), np.full((8, 8), -1), "Set markers such as -1 to 0"),
        (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8)), "coarse ids: found float64"),
    ],
)
def test_wrong_arrays_are_named(image: np.ndarray, ids: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        refine_frame(image, ids)


def test_arrays_are_numbered_as_files_are() -> None:
    ids = np.zeros((32, 64), np.int64)
    ids[:, :29], ids[:, 40:] = 2**40, 255
    image = np.zeros((64, 128, 3), np.uint8)
    settings = {"renumber": True, "void": [255]}
    refined = refine_frame(image, torch.from_numpy(ids), {"data": settings})
    assert refined.numbers == {2**40: 1}
    assert {*np.unique(refined.ids)} == {0, 1}
    assert refine_frame(image, ids % 300).numbers == {}
    with pytest.raises(ValueError, match=r"data\.renumber=true"):
        refine_frame(image, ids)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.full((8, 8), -7), "the negative id -7"),
        (np.zeros((8, 8)), "found float64"),
        (np.arange(65_536).reshape(256, 256) + 1, "65536 ids; expected at most 65535"),
    ],
)
def test_wrong_arrays_to_number_are_named(ids: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        refine_frame(np.zeros((8, 8, 3), np.uint8), ids, {"data": {"renumber": True}})


def test_what_changes_while_it_is_read_looks_changed(
    make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_dataset(scenes=1, frames=2)
    config = load_config()
    layout = Layout(root, config.data, config.output)
    one, other = discover(root, config.data).frames
    read_pair = frame.read_pair

    def replaced_before_reading(image: Path, ids: Path, *rules: object) -> object:
        ids.write_bytes(layout.ids_path(other).read_bytes())
        return read_pair(image, ids, *rules)

    monkeypatch.setattr(frame, "read_pair", replaced_before_reading)
    loaded = read_frame(one, layout, StageClock())
    now = digest_inputs(layout.image_path(one), layout.ids_path(one))
    assert loaded.digest != now
