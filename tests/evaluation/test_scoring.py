import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.dataset import discover, write_ids
from pipeline.dataset.numbers import Numbers, as_text
from pipeline.errors import ConfigError, DatasetError
from pipeline.evaluation import evaluate
from pipeline.record.opening import open_dataset
from tests.fixing import fix_frame

NPY = {"output": {"format": "npy"}}


def wall(width=40):
    ids = np.zeros((60, 80), np.int16)
    ids[10:50, 20 : 20 + width] = 4
    return ids


def save(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, ids)
    elif path.suffix == ".png":
        Image.fromarray(ids.astype(np.uint16)).save(path)
    else:
        torch.save(torch.from_numpy(ids.astype(np.uint16)), path)


@pytest.fixture
def root(tmp_path):
    """Return a data set of two scenes of two frames; refined ids are right, coarse have half."""
    for scene in ("hall", "room"):
        for name in ("a.jpg", "b.jpg"):
            image = tmp_path / scene / "images" / name
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (80, 60)).save(image)
            save(tmp_path / scene / "gt_ids" / f"{name}.png", wall())
            save(tmp_path / scene / "obj_ids" / f"{name}.npy", wall(20))
            save(tmp_path / scene / "obj_ids_refine" / f"{name}.npy", wall())
    return tmp_path


def test_every_frame_with_truth_is_scored(root):
    scores = evaluate(root, config=NPY)
    assert [(f.scene, f.image) for f in scores.frames] == [
        ("hall", "a.jpg"),
        ("hall", "b.jpg"),
        ("room", "a.jpg"),
        ("room", "b.jpg"),
    ]
    assert scores.unscored == ()
    means = scores.means()
    assert (means.n_objects, means.coarse.iou, means.refined.iou) == (4, 0.5, 1.0)


def test_refined_ids_are_where_the_settings_say(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("results")
    for scene in ("hall", "room"):
        for name in ("a.jpg", "b.jpg"):
            save(elsewhere / scene / "fine" / f"{name}.pth", wall(30))
    config = {"output": {"root": str(elsewhere), "dir": "fine"}}
    assert evaluate(root, config=config).means().refined.iou == 0.75


def test_truth_may_lie_in_another_folder_and_cover_some_frames(root):
    save(root / "room" / "annotated" / "b.npy", wall())
    scores = evaluate(root, truth="annotated", config=NPY)
    assert [(f.scene, f.image) for f in scores.frames] == [("room", "b.jpg")]
    assert scores.truth == "annotated"


def test_the_first_scenes_are_those_with_truth(root):
    save(root / "room" / "annotated" / "a.npy", wall())
    scores = evaluate(root, truth="annotated", config={**NPY, "data": {"max_scenes": 1}})
    assert [f.scene for f in scores.frames] == ["room"]


def test_frames_that_cannot_be_scored_are_named_with_their_reason(root):
    (root / "hall" / "obj_ids_refine" / "a.jpg.npy").unlink()
    (root / "hall" / "obj_ids" / "b.jpg.npy").unlink()
    save(root / "room" / "obj_ids_refine" / "a.jpg.npy", wall()[:30])
    (root / "room" / "gt_ids" / "b.jpg.png").write_bytes(b"not a PNG")
    scores = evaluate(root, config=NPY)
    assert scores.frames == ()
    reasons = {(frame.scene, frame.image): frame.reason for frame in scores.unscored}
    assert list(reasons) == [
        ("hall", "a.jpg"),
        ("hall", "b.jpg"),
        ("room", "a.jpg"),
        ("room", "b.jpg"),
    ]
    no_refined, no_coarse, other_size, damaged = reasons.values()
    assert "obj_ids_refine/a.jpg.npy: found no such file" in no_refined
    assert "gt_ids/b.jpg.png: found truth without coarse ids" in no_coarse
    assert "found 80 x 30 pixels; expected 80 x 60 as in the truth" in other_size
    assert "gt_ids/b.jpg.png" in damaged


def test_small_objects_are_left_out(root):
    assert evaluate(root, config=NPY, min_area=1600).means().n_objects == 4
    assert evaluate(root, config=NPY, min_area=1601).means().n_objects == 0


def test_a_data_set_without_truth_is_refused(root):
    with pytest.raises(DatasetError, match=r"no scene with a folder masks/.*--truth"):
        evaluate(root, truth="masks", config=NPY)


def test_an_empty_folder_of_truth_is_refused(root):
    (root / "hall" / "masks").mkdir()
    with pytest.raises(DatasetError, match="no frame with truth"):
        evaluate(root, truth="masks", config=NPY)


def test_the_root_must_exist_and_the_settings_be_known(root):
    with pytest.raises(DatasetError):
        evaluate(root / "nowhere")
    with pytest.raises(ConfigError):
        evaluate(root, config={"outputs": {}})


def fix(root, number, ids, config=NPY):
    layout = open_dataset(root, config).layout
    frame = discover(layout.data_root, layout.data).frames[number]
    fix_frame(layout, frame, ids)


def test_fixes_are_truth_on_request_alone(root):
    fix(root, 1, wall(30))
    fix(root, 2, wall(10))
    scores = evaluate(root, "fixes", NPY)
    assert [(f.scene, f.image) for f in scores.frames] == [("hall", "b.jpg"), ("room", "a.jpg")]
    assert [f.scores.refined.iou[0] for f in scores.frames] == [0.75, 0.25]
    assert [f.scores.coarse.iou[0] for f in scores.frames] == [pytest.approx(2 / 3), 0.5]
    assert "2 frame(s) of 2 scene(s) against their fixes" in scores.as_text()
    assert [
        f.scene for f in evaluate(root, "fixes", {**NPY, "data": {"max_scenes": 1}}).frames
    ] == ["hall"]


def test_refined_ids_are_scored_unless_fixes_are_asked_for(root):
    fix(root, 0, wall(30))
    assert evaluate(root, config=NPY).means().refined.iou == 1.0
    scores = evaluate(root, config=NPY, ids="fixed")
    assert scores.means().refined.iou == (3 + 0.75) / 4
    assert scores.as_dict()["ids"] == "fixed"
    assert "fixes in place of refined ids" in scores.as_text()
    with pytest.raises(ConfigError, match="expected a truth besides"):
        evaluate(root, "fixes", NPY, ids="fixed")


def test_fixes_are_read_as_results_are_whatever_the_input_needs(root):
    config = {"output": {"format": "npz"}, "data": {"void": [4], "ids_key": "labels"}}
    fix(root, 0, wall(30), config)
    for path in root.glob("*/obj_ids/*"):
        np.savez(path.with_suffix(".npz"), labels=np.load(path) + 1, other=np.load(path))
        path.unlink()
    np.savez(root / "hall" / "obj_ids_refine" / "a.jpg.npz", ids=wall())
    scores = evaluate(root, "fixes", config)
    assert [frame.scores.refined.iou.tolist() for frame in scores.frames] == [[0.75]]


def test_fixes_hold_numbers_where_ids_are_renumbered(root):
    config = {**NPY, "data": {"renumber": True}}
    layout = open_dataset(root, config).layout
    for path in root.glob("*/obj_ids/*"):
        np.save(path, np.load(path).astype(np.int64) * 100_000)
    table = layout.record.numbers("hall")
    table.parent.mkdir(parents=True)
    table.write_text(as_text(Numbers().extended([400_000])))
    number = Numbers().extended([400_000]).of[400_000]
    for path in root.glob("*/obj_ids_refine/*"):
        write_ids(path, wall() // 4 * number, "npy", {"settings": "f00d"})
    fix(root, 0, wall(30) // 4 * number, config)
    scores = evaluate(root, "fixes", config)
    assert [frame.scores.refined.iou.tolist() for frame in scores.frames] == [[0.75]]
    assert [frame.scores.coarse.iou.tolist() for frame in scores.frames] == [[pytest.approx(2 / 3)]]


def test_a_data_set_without_fixes_has_no_fixes_as_truth(root):
    with pytest.raises(DatasetError, match=r"obj_ids_fixed.*no fix.*import --as-fixes"):
        evaluate(root, "fixes", NPY)
