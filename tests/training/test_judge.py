import numpy as np
import pytest
import torch

from pipeline.records import Proposals
from pipeline.refinement.borders.evidence import EVIDENCE
from training.judge import FEW, HARM, Picture, learn_from, with_few_objects

SIZE = (96, 128)


@pytest.fixture
def file(tmp_path):
    """A picture of six squares of their own colours, with a coarse map that is 3 pixels off."""
    rng = np.random.default_rng(4)
    truth = np.zeros(SIZE, dtype=np.uint16)
    for number in range(6):
        top, left = 8 + 44 * (number // 3), 8 + 40 * (number % 3)
        truth[top : top + 30, left : left + 30] = number + 1
    colours = rng.integers(40, 220, (7, 3))
    image = (colours[truth] + rng.integers(-4, 5, (*SIZE, 3))).astype(np.uint8)
    path = tmp_path / "room_1_1.0.npz"
    np.savez(
        path,
        image=image,
        truth=truth,
        coarse=np.roll(truth, 3, axis=1),
        logits=np.zeros((0, 256, 256), dtype=np.float16),
        rating=np.zeros(0, dtype=np.float32),
        prompt_ids=np.zeros(0, dtype=np.int64),
    )
    return path


@pytest.mark.parametrize("few", [False, True])
def test_a_picture_gives_evidence_and_what_an_answer_is_worth(file, few):
    evidence, first, worth = learn_from("masks", {}, Picture(file, "ideal", few))
    assert evidence.shape == (len(first), len(EVIDENCE))
    assert (worth > 0).all()
    assert worth[~first].sum() > worth[first].sum()


class KeepsFirst:
    """A judge that lets nothing change."""

    def favour_first(self, evidence):
        return torch.ones(len(evidence))


def test_a_judge_of_placed_borders_learns_from_maps_that_others_decided_about(file):
    picture = Picture(file, "swollen")
    assert not len(learn_from("placed", {}, picture)[0])
    evidence, first, worth = learn_from("placed", {"masks": KeepsFirst()}, picture)
    assert worth[~first].sum() > worth[first].sum()
    kept, _, _ = learn_from("placed", dict.fromkeys(("masks", "placed"), KeepsFirst()), picture)
    assert not np.array_equal(kept, evidence)


def test_an_object_made_worse_counts_as_said(file, monkeypatch):
    picture = Picture(file, "swollen")
    _, first, worth = learn_from("masks", {}, picture)
    monkeypatch.setattr("training.judge.HARM", 1.0)
    _, _, even = learn_from("masks", {}, picture)
    np.testing.assert_allclose(worth, np.where(first, HARM * even, even))


@pytest.mark.parametrize("seed", range(5))
def test_a_picture_of_few_objects_has_their_ids_and_masks_only(file, seed):
    with np.load(file) as saved:
        truth, coarse = saved["truth"], saved["coarse"]
    ids = torch.arange(1, 7)
    proposals = Proposals(torch.randn(6, 8, 8), torch.rand(6), torch.rand(6), ids)
    rng = np.random.default_rng(seed)
    exact, wrong, masks = with_few_objects(truth, coarse, proposals, rng)
    held = set(np.unique(wrong)) - {0}
    assert 1 <= len(held) <= FEW
    assert held == set(np.unique(exact)) - {0} == set(masks.prompt_ids.tolist())
    for i in held:
        np.testing.assert_array_equal(exact == i, truth == i)
        assert (masks.logits[masks.prompt_ids == int(i)] == proposals.logits[int(i) - 1]).all()
