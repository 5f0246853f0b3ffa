from __future__ import annotations

import numpy as np
import pytest

from pipeline.records import FrameOutcome, FrameRef
from pipeline.report.columns import Columns
from pipeline.report.looks import PER_SCENE, worth_a_look
from pipeline.report.survey import make_survey

NOW, BEFORE = "settings now", "settings before"


def done(scene: str, image: str, **stats: float) -> FrameOutcome:
    seconds = {"read": 0.5, "encode": 1.5}
    return FrameOutcome(FrameRef(scene, image, f"{image}.pth"), "done", seconds, stats)


def failed(scene: str, image: str, message: str = "torn") -> FrameOutcome:
    frame = FrameRef(scene, image, f"{image}.pth")
    return FrameOutcome(frame, "failed", {"read": 0.5}, {}, "read", "ImageError", message)


def columns_of(*lines: tuple[FrameOutcome, str]) -> Columns:
    columns = Columns()
    for place, (outcome, fingerprint) in enumerate(lines):
        columns.add(place, outcome, fingerprint)
    return columns


def test_the_last_line_of_a_frame_counts_whatever_came_before() -> None:
    columns = columns_of(
        (failed("a", "0.jpg"), NOW),
        (done("a", "1.jpg", agreement=0.5), NOW),
        (done("a", "0.jpg", agreement=0.9), NOW),
        (failed("a", "1.jpg"), NOW),
    )
    frames = columns.frames(NOW)
    assert frames.place.tolist() == [2, 3]
    assert frames.done.tolist() == [True, False]
    assert [frames.reasons[i] for i in frames.reason[1:]] == ["read: ImageError"]
    assert frames.measures["agreement"][0] == pytest.approx(0.9)


def test_frames_of_other_settings_and_other_scenes_do_not_count() -> None:
    columns = columns_of(
        (done("a", "0.jpg"), BEFORE), (done("a", "1.jpg"), NOW), (done("b", "0.jpg"), NOW)
    )
    assert columns.frames(NOW).place.tolist() == [1, 2]
    assert columns.frames(NOW, only_scenes={"a"}).place.tolist() == [1]
    assert columns.frames(BEFORE).place.tolist() == [0]
    assert columns.frames("never heard of").place.tolist() == []
    assert Columns().frames("").place.tolist() == []


def test_a_figure_that_is_not_on_record_is_not_known() -> None:
    columns = columns_of((done("a", "0.jpg"), NOW), (done("a", "1.jpg", invalid_ratio=0.5), NOW))
    survey = make_survey(columns.frames(NOW), {}, lambda _: done("", ""))
    [scene] = survey.scenes
    assert scene.invalid == 0.5
    assert np.isnan(scene.agreement)
    assert np.isnan(survey.agreement)
    assert [d.title for d in survey.distributions] == ["Invalid pixels", "Seconds a frame"]


def test_a_scene_is_summed_up_over_its_done_frames() -> None:
    figures = {"n_objects": 10, "fallback": 2, "matched": 8, "merged": 1}
    lines = [
        (done("a", "0.jpg", invalid_ratio=0.1, changed_ratio=0.3, **figures), NOW),
        (done("a", "1.jpg", invalid_ratio=0.3, changed_ratio=0.1, **figures), NOW),
        (failed("a", "2.jpg"), NOW),
        (done("a", "3.jpg", invalid_ratio=0.9), BEFORE),
    ]
    expected = {"a": {"frames": 6, "stale": 1}, "empty": {"frames": 2, "stale": 0}}
    outcomes = [line[0] for line in lines]
    survey = make_survey(columns_of(*lines).frames(NOW), expected, outcomes.__getitem__)
    scene, empty = survey.scenes
    assert (scene.frames, scene.done, scene.failed, scene.stale, scene.open) == (6, 2, 1, 1, 2)
    assert scene.invalid == pytest.approx(0.2)
    assert scene.change == pytest.approx(0.2)
    assert scene.kept_coarse == pytest.approx(0.2)
    assert scene.seconds == pytest.approx(2.0)
    assert (empty.open, empty.done) == (2, 0)
    assert (survey.matched, survey.merged, survey.fallback) == (16, 2, 4)
    assert {stage.name: stage.seconds for stage in survey.stages} == {"read": 0.5, "encode": 1.5}
    assert sum(stage.share for stage in survey.stages) == pytest.approx(1.0)
    [failure] = survey.failures
    assert (failure.count, failure.examples) == (1, (outcomes[2],))


def test_a_distribution_counts_every_frame_once() -> None:
    values = [0.01, 0.02, 0.02, 0.03, 0.9]
    lines = [(done("a", f"{i}.jpg", invalid_ratio=v), NOW) for i, v in enumerate(values)]
    survey = make_survey(columns_of(*lines).frames(NOW), {}, lambda _: done("", ""))
    invalid = survey.distributions[0]
    assert sum(invalid.counts) == len(values)
    assert invalid.median == pytest.approx(0.02)
    assert invalid.counts[-1] == 0 or invalid.high >= 0.5


def test_frames_that_stand_out_are_chosen_once_with_all_their_reasons() -> None:
    calm = {"changed_ratio": 0.01, "agreement": 0.99, "invalid_ratio": 0.01, "lost_ratio": 0.0}
    lines = [(done("calm", f"{i}.jpg", **calm), NOW) for i in range(50)]
    lines.insert(
        7, (done("wild", "x.jpg", **{**calm, "changed_ratio": 0.8, "lost_ratio": 0.4}), NOW)
    )
    lines.insert(9, (done("odd", "y.jpg", **{**calm, "agreement": 0.1}), NOW))
    looks = worth_a_look(columns_of(*lines).frames(NOW), per_reason=1)
    chosen = {look.row: [reason.name for reason in look.reasons] for look in looks}
    assert chosen[7] == ["change", "lost"]
    assert chosen[9] == ["agreement"]
    assert len(chosen) <= 4


def test_a_pairing_stands_out_only_where_it_is_suspicious() -> None:
    lines = [(done("a", "0.jpg", image_support=0.1, flicker=3), NOW)]
    lines += [(done("a", "1.jpg", image_support=0.6), NOW)]
    [look] = worth_a_look(columns_of(*lines).frames(NOW), per_reason=4)
    assert look.row == 0
    assert [reason.name for reason in look.reasons] == ["flicker", "pairing"]
    assert look.reasons[0].say(3.0) == "3 gone"
    assert look.reasons[1].say(0.1) == "10.0 %"


def test_one_bad_scene_does_not_fill_the_page_and_perfect_frames_do_not_stand_out() -> None:
    bad = [(done("bad", f"{i}.jpg", changed_ratio=0.9), NOW) for i in range(9)]
    fair = [(done("fair", f"{i}.jpg", changed_ratio=0.1), NOW) for i in range(9)]
    perfect = [(done("perfect", f"{i}.jpg", changed_ratio=0.0), NOW) for i in range(9)]
    frames = columns_of(*bad, *fair, *perfect).frames(NOW)
    looks = worth_a_look(frames, per_reason=20)
    scenes = [frames.scene_names[frames.scene[look.row]] for look in looks]
    assert scenes == ["bad"] * PER_SCENE + ["fair"] * PER_SCENE


def test_a_frame_that_was_fixed_is_counted_and_no_more_worth_a_look() -> None:
    columns = columns_of(
        (done("a", "0.jpg", agreement=0.1, fixed=1), NOW), (done("a", "1.jpg", agreement=0.5), NOW)
    )
    frames = columns.frames(NOW)
    assert [look.row for look in worth_a_look(frames, 9)] == [1]
    survey = make_survey(frames, {}, lambda _: done("", ""))
    assert survey.fixed == 1
    assert survey.agreement == pytest.approx(0.3), "figures stay those of refinement"
