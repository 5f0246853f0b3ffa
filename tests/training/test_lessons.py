import numpy as np
import pytest
import torch

from training.clips import FRAMES, SMALLEST, Clip
from training.lessons import Answers, draw_lesson

SIDE = 64


@pytest.fixture
def clip():
    """Draw tiles that differ from frame to frame; object 9 is in all frames but the last."""
    rng = np.random.default_rng(0)
    exact = np.kron(rng.integers(0, 4, (FRAMES, 4, 4)), np.ones((1, 16, 16))).astype(np.uint8)
    exact[:3, :16, :16] = 9
    coarse = np.where(exact == 3, 0, exact)
    features = torch.zeros(FRAMES, 8, 4, 4).half()
    return Clip(features, (features, features), exact, coarse)


def lessons(clip, n_neighbours, count=80):
    drawn = (
        draw_lesson(clip, n_neighbours, 3, np.random.default_rng(seed)) for seed in range(count)
    )
    return [lesson for lesson in drawn if lesson is not None]


@pytest.mark.parametrize("n_neighbours", [1, 2, 3])
def test_every_neighbour_shows_every_object_of_a_lesson(clip, n_neighbours):
    drawn = lessons(clip, n_neighbours)
    assert len(drawn) > 20
    for lesson in drawn:
        assert lesson.masks.shape == (len(lesson.ids), n_neighbours, SIDE, SIDE)
        assert lesson.frame not in lesson.neighbours
        assert len(set(lesson.ids)) == len(lesson.ids) <= 3
        assert lesson.masks.any((2, 3)).all()
        for masks, i in zip(lesson.masks, lesson.ids, strict=True):
            for mask, ids in zip(masks, clip.exact[lesson.neighbours], strict=True):
                assert (ids[mask] == i).all()
                assert mask.sum() >= SMALLEST


def test_prompts_are_for_objects_that_the_coarse_map_shows(clip):
    drawn = lessons(clip, 2)
    prompted = [lesson for lesson in drawn if lesson.prompted]
    assert 0.5 < len(prompted) / len(drawn) < 0.9
    for lesson in prompted:
        assert np.isin(lesson.ids, clip.coarse[lesson.frame]).all()
    assert any(lesson.again for lesson in prompted)
    alone = [lesson for lesson in drawn if not lesson.prompted]
    assert any(lesson.again for lesson in alone)
    assert any(3 in lesson.ids for lesson in alone)


def test_some_lessons_are_of_objects_that_are_gone(clip):
    gone = [
        (lesson, i)
        for lesson in lessons(clip, 2)
        for i in lesson.ids
        if not (clip.exact[lesson.frame] == i).any()
    ]
    assert any(lesson.frame == 3 and i == 9 for lesson, i in gone)
    assert not any(lesson.prompted for lesson, _ in gone)


def test_nothing_to_learn_where_nothing_is_in_two_frames(clip):
    exact = np.zeros_like(clip.exact)
    exact[0] = 1
    empty = Clip(clip.embeddings, clip.high_res, exact, exact)
    assert lessons(empty, 2) == []


def test_the_loss_falls_as_masks_come_nearer_to_the_truth():
    goal = torch.zeros(2, 16, 16)
    goal[0, 2:9, 3:12] = 1

    def of(mask, rating):
        return Answers((2 * mask - 1) * 6, torch.tensor(rating), goal, prompted=False)

    right, wrong = of(goal, [1.0, 0.0]), of(goal.roll(5, 1), [1.0, 0.0])
    assert right.losses()[0] < wrong.losses()[0]
    assert right.iou().tolist() == [1, 0]
    assert right.gone.tolist() == right.empty.tolist() == [False, True]
    assert of(goal, [0.2, 0.0]).losses()[0] > right.losses()[0]
    full = of(torch.ones_like(goal), [1.0, 0.0])
    assert full.losses()[1] > right.losses()[1]
    assert not full.empty.any()
