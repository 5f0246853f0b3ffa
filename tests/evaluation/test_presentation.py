import json

import numpy as np
import pytest

from pipeline.evaluation import Evaluation, ScoredFrame, UnscoredFrame, score_frame
from pipeline.evaluation.presentation import NAMED_AT_MOST


def half_right():
    """Score one object of 40 x 40 px: coarse has its left half, refined lacks it."""
    truth = np.zeros((60, 80), np.uint16)
    truth[10:50, 20:60] = 3
    coarse = truth.copy()
    coarse[:, 40:] = 0
    return score_frame(truth, truth * 0, coarse)


FRAME = ScoredFrame("<i>room", "a.jpg", half_right())
MISSING = UnscoredFrame("room", "b.jpg", "there is no <file>")


def words(evaluation):
    """Return the words of each line of the text."""
    return [line.split() for line in evaluation.as_text().splitlines()]


def test_text_shows_coarse_refined_and_change():
    evaluation = Evaluation("gt_ids", 400, (FRAME,), ())
    head, _, columns, *lines = words(evaluation)
    assert " ".join(head) == ("1 frame(s) of 1 scene(s) against gt_ids/, objects of 400 px or more")
    assert columns == ["coarse", "refined", "change"]
    start = lines.index(["1", "objects"])
    assert lines[start + 1] == ["IoU", "0.500", "0.000", "-0.500"]
    assert lines[start + 5] == ["1", "harmed", "by", "over", "0.02", "100.0%"]
    assert ["pixels", "without", "object", "83.3%", "100.0%", "+16.7%"] in lines
    assert ["in", "the", "truth", "66.7%"] in lines
    (scene,) = [line for line in lines if line[:1] == ["<i>room"]]
    assert scene[:5] == ["<i>room", "1", "0.500", "0.000", "-0.500"]
    assert scene[-1] == "100.0%"
    assert "ids lost: 1 in 1 frame(s); invented: 0 in 0 frame(s)" in evaluation.as_text()
    assert "coarse lacks" not in evaluation.as_text()


def test_objects_that_coarse_lacks_get_a_block_of_their_own():
    truth = np.ones((30, 30), np.uint16)
    frame = ScoredFrame("room", "a.jpg", score_frame(truth, truth * 0, truth * 0))
    lines = words(Evaluation("gt_ids", 400, (frame,), ()))
    assert lines[lines.index(["0", "objects"]) + 1] == ["IoU", "-", "-", "-"]
    start = lines.index(["1", "with", "1", "that", "coarse", "lacks"])
    assert lines[start + 1] == ["IoU", "0.000", "0.000", "+0.000"]


@pytest.mark.parametrize("n_missing", [1, NAMED_AT_MOST, NAMED_AT_MOST + 5])
def test_frames_without_scores_are_counted_and_named(n_missing):
    text = Evaluation("gt_ids", 400, (FRAME,), (MISSING,) * n_missing).as_text()
    assert f"{n_missing} frame(s) with truth have no scores:" in text
    assert text.count("room/b.jpg: there is no <file>") == min(n_missing, NAMED_AT_MOST)
    assert ("and 5 more" in text) == (n_missing > NAMED_AT_MOST)


def test_html_holds_the_same_and_escapes_names():
    html = Evaluation("gt_ids", 400, (FRAME,), (MISSING,))._repr_html_()
    assert "&lt;i&gt;room" in html
    assert "there is no &lt;file&gt;" in html
    assert "<i>" not in html
    assert html.count("<table>") == html.count("</table>") == 2
    assert "-0.500" in html


def test_plain_values_go_down_to_single_objects():
    tree = Evaluation("gt_ids", 400, (FRAME,), (MISSING,)).as_dict()
    assert json.loads(json.dumps(tree, allow_nan=False)) == tree
    assert tree["objects"]["coarse"]["iou"] == 0.5
    assert tree["objects"]["harmed_ratio"] == 1.0
    assert tree["scenes"]["<i>room"]["n_objects"] == 1
    assert tree["unscored"] == [{"scene": "room", "image": "b.jpg", "reason": "there is no <file>"}]
    (frame,) = tree["frames"]
    assert frame["lost"] == [3]
    (scored,) = frame["objects"]
    assert (scored["id"], scored["area"]) == (3, 1600)
    assert scored["coarse"]["iou"] == 0.5
    assert scored["refined"] == {
        "present": False,
        "iou": 0.0,
        "boundary_f": 0.0,
        "boundary_f_fine": 0.0,
        "boundary_iou": 0.0,
        "thin_found": 0,
    }


def test_no_objects_are_none_in_plain_values_and_a_dash_in_text():
    empty = Evaluation("gt_ids", 400, (), ())
    tree = empty.as_dict()
    assert tree["objects"]["refined"]["iou"] is None
    assert tree["invalid_ratio"]["truth"] is None
    json.dumps(tree, allow_nan=False)
    assert "nan" not in empty.as_text()
    assert str(empty) == empty.as_text()
