import numpy as np
import pytest

from pipeline.refinement.neighbours.evidence import COLUMNS
from training.collage_clips import draw_clip, smeared
from training.neighbours import SHARES, evidence_of, mixed, with_few_objects
from training.scenes import FRAMES, Scene, frames_of

SIZE = (96, 72)


def test_a_clip_shows_objects_that_move_with_their_faults():
    pytest.importorskip("skimage")
    shots = list(draw_clip(1, 3, SIZE))
    for shot in shots:
        assert shot.image.shape == (72, 96, 3)
        assert set(np.unique(shot.coarse)) <= {0, *np.unique(shot.truth)}
        assert 0 < (shot.coarse != shot.truth).mean() < 0.5
    assert (shots[0].truth != shots[2].truth).any()
    again = next(draw_clip(1, 3, SIZE))
    np.testing.assert_array_equal(again.image, shots[0].image)


def test_smeared_ids_are_those_of_the_map_and_worse_with_severity():
    ids = np.zeros((120, 160), dtype=np.uint16)
    ids[20:80, 30:90], ids[60:110, 70:150] = 3, 8
    wrong = [(smeared(ids, 5, severity) != ids).mean() for severity in (0.2, 1.0, 2.0)]
    assert wrong == sorted(wrong)
    assert set(np.unique(smeared(ids, 5, 2.0))) <= {0, 3, 8}


def test_evidence_of_a_scene_is_gathered_once(tmp_path):
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 255, (80, 120, 3), dtype=np.uint8)
    truth = np.full((80, 120), 2, dtype=np.uint16)
    truth[20:60, 20:60], truth[10:50, 70:110], truth[60:76, 50:110] = 5, 7, 9
    truths = np.stack([np.roll(truth, shot, axis=1) for shot in range(FRAMES)])
    wrong = truths.copy()
    wrong[3, 20:40, 20:50] = 2
    images = np.stack([np.roll(texture, shot, axis=1) for shot in range(FRAMES)])
    np.savez(tmp_path / "room_1.npz", image=images, truth=truths, coarse=wrong, refined=wrong)
    scene = Scene("room", 1)
    evidence, first, worth = evidence_of(tmp_path, scene, "drawn")
    assert evidence.shape == (len(first), len(COLUMNS))
    assert not first[worth.argmax()]
    saved = (tmp_path / "room_1_drawn_evidence.npz").stat().st_mtime_ns
    np.testing.assert_array_equal(evidence_of(tmp_path, scene, "drawn")[0], evidence)
    assert (tmp_path / "room_1_drawn_evidence.npz").stat().st_mtime_ns == saved
    few, exact = with_few_objects(*frames_of(tmp_path, scene), 1)
    assert 0 in few[0].ids
    assert set(np.unique(few[0].ids)) == set(np.unique(exact[0])) < {0, 2, 5, 7, 9}


def test_thinned_areas_keep_their_share_of_all_worth():
    rng = np.random.default_rng(0)

    def group(n, factor):
        worth = factor * rng.exponential(1, n) ** 4
        return [(rng.normal(size=(n, 2)), rng.random(n) < 0.5, worth)]

    evidence, first, worth = mixed({"drawn": group(4000, 1.0), "sparse": group(3000, 50.0)})
    assert len(evidence) == len(first) == len(worth) < 3500
    assert worth.sum() == pytest.approx(SHARES["drawn"] + SHARES["sparse"])
    assert (worth > 0).all()
