import pytest
import torch

from training.examples import Batch
from training.objective import Answer, iou_of, judge, mask_losses, with_correction


@pytest.fixture
def truth():
    truth = torch.zeros(2, 16, 16)
    truth[0, 2:9, 3:12] = 1
    truth[1, 10:14, 1:5] = 1
    return truth


def logits_of(mask, strength=6.0):
    return ((2 * mask - 1) * strength)[:, None]


def test_the_loss_falls_as_a_mask_comes_nearer_to_the_truth(truth):
    shifted = [truth.roll(step, dims=2) for step in (0, 1, 3, 8)]
    losses = [mask_losses(logits_of(mask), truth, 0.0).mean().item() for mask in shifted]
    assert losses == sorted(losses)
    assert losses[0] < 0.1


def test_an_empty_mask_costs_a_small_object_as_much_as_a_large_one(truth):
    empty = torch.full((2, 1, 16, 16), -6.0)
    large, small = mask_losses(empty, truth, 0.0)[:, 0]
    assert small > 0.5 * large
    assert (mask_losses(empty, truth, 1.0) > mask_losses(empty, truth, 0.0)).all()


def test_iou_counts_cells(truth):
    half = truth.clone()
    half[0, 2:9, 3:12] = 0
    half[0, 2:9, 3:7] = 1
    assert iou_of(logits_of(truth), truth).flatten().tolist() == [1, 1]
    assert iou_of(logits_of(half), truth)[0, 0].item() == pytest.approx(4 / 9)


def test_the_best_alternative_is_judged_whichever_it_is(truth):
    right, wrong = logits_of(truth), logits_of(truth.roll(5, 1))
    ratings = torch.tensor([[0.5, 0.2, 0.9, 0.1]]).expand(2, -1)
    first = judge(Answer(torch.cat([right, right, wrong, wrong], 1), ratings), truth, 0.0)
    last = judge(Answer(torch.cat([right, wrong, wrong, right], 1), ratings), truth, 0.0)
    assert first.best_iou.tolist() == last.best_iou.tolist() == [1, 1]
    assert (first.chosen_iou < 0.5).all()
    assert first.calibration[0, 1].item() == pytest.approx(0.8)


def test_a_correction_clicks_on_a_mistake_and_says_what_is_there(truth):
    batch = Batch(
        images=torch.zeros(1, 3, 64, 64),
        owner=torch.tensor([0, 0]),
        points=torch.zeros(2, 6, 2),
        labels=torch.full((2, 6), -1),
        hints=torch.zeros(2, 1, 16, 16),
        has_hint=torch.tensor([False, False]),
        targets=truth,
        kinds=("click", "click"),
    )
    answer_ = Answer(logits_of(truth.roll(4, 2)).expand(-1, 4, -1, -1), torch.full((2, 4), 0.5))
    for seed in range(10):
        second = with_correction(batch, answer_, torch.Generator().manual_seed(seed))
        column, row = (second.points[:, -1] / 4).long().T
        shown = answer_.logits[[0, 1], 0, row, column] > 0
        there = truth[[0, 1], row, column] > 0.5
        assert (shown != there).all()
        assert second.labels[:, -1].tolist() == there.long().tolist()
        assert second.has_hint.all()
