"""The desk: frames are opened, edited, drafted, saved; the later of two editors is told."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.dataset import read_ids
from pipeline.dataset.fixes import counting_ids, digest_map, fix_digest, read_fix
from pipeline.errors import FixConflict, FrameError
from pipeline.reviewing.changes import Outdated
from pipeline.reviewing.desk import KEPT_OPEN, Desk
from pipeline.reviewing.inventory import UnknownFrame
from pipeline.reviewing.operations import Ask, Edit, Forget, Save
from tests.refined import Refined
from tests.reviewing.served import FIRST, make_desk, refine_for_review

MakeDataset = Callable[..., Path]


@pytest.fixture
def made(make_dataset: MakeDataset) -> Refined:
    return refine_for_review(make_dataset(scenes=2, frames=3))


@pytest.fixture
def desk(made: Refined) -> Desk:
    return make_desk(made.root)


def edit(desk: Desk, **operation: Any) -> dict[str, Any]:
    """Edit the first frame; return what is said about the change."""
    version = desk.open(**FIRST).version
    body = desk.edit(Edit.model_validate({**FIRST, "version": version, "operation": operation}))
    return dict(body.about or {})


def save(desk: Desk, **how: Any) -> dict[str, Any]:
    version = desk.open(**FIRST).version
    return desk.save(Save.model_validate({**FIRST, "version": version, **how}))


def ids_of(desk: Desk) -> npt.NDArray[np.uint16]:
    return desk.open(**FIRST).ids


def row(desk: Desk) -> dict[str, Any]:
    found = desk.queue.find(**FIRST)
    return desk.queue.rows(np.array([found]), 0, 1)[0]


STROKE = {"kind": "brush", "id": 9, "points": [[10, 10], [30, 12]], "radius": 4}


def test_the_most_doubtful_frame_comes_first(desk: Desk) -> None:
    rows = desk.queue.rows(desk.queue.select("doubt"), 0, 10)
    assert [row["image"] for row in rows][:2] == ["frame_000002.jpg", "frame_000001.jpg"]
    assert rows[0]["scene"] == "scene_0001"
    assert rows[0]["why"] == "agreement"


def test_a_frame_is_described(desk: Desk) -> None:
    facts = desk.describe(**FIRST)
    assert (facts["width"], facts["height"]) == (facts["columns"], facts["rows"]) == (64, 48)
    assert facts["layers"] == ["coarse", "refined", "edited"]
    assert facts["around"] == [f"frame_{n:06d}.jpg" for n in range(3)]
    assert (facts["version"], facts["draft"], facts["undo"], facts["fix"]) == (
        0,
        False,
        False,
        None,
    )


def test_an_edit_changes_its_box_and_is_drafted(desk: Desk, made: Refined) -> None:
    before = ids_of(desk).copy()
    about = edit(desk, **STROKE)
    assert about["version"] == 1
    assert about["draft"]
    assert about["undo"]
    left, top, width, height = about["box"]
    changed = np.argwhere(ids_of(desk) != before)
    assert (changed.min(axis=0) >= [top, left]).all()
    assert (changed.max(axis=0) < [top + height, left + width]).all()
    assert row(desk)["state"] == "draft"
    again = make_desk(made.root)
    assert np.array_equal(ids_of(again), ids_of(desk))
    assert again.describe(**FIRST)["note"] == "brush 1"
    assert row(again)["state"] == "draft"
    assert np.array_equal(counting_ids(made.layout, made.frames[0]), before)


def test_an_edit_that_changes_nothing_leaves_no_draft(desk: Desk) -> None:
    about = edit(desk, kind="relabel", old=4000, new=4001)
    assert about["box"] is None
    assert not about["draft"]
    assert row(desk)["state"] == "open"


def test_what_was_done_is_undone_and_done_again(desk: Desk) -> None:
    before = ids_of(desk).copy()
    edit(desk, **STROKE)
    painted = ids_of(desk).copy()
    edit(desk, kind="undo")
    assert np.array_equal(ids_of(desk), before)
    edit(desk, kind="redo")
    assert np.array_equal(ids_of(desk), painted)
    assert edit(desk, kind="redo")["box"] is None


def test_an_edit_of_an_older_state_is_refused(desk: Desk) -> None:
    request = Edit.model_validate({**FIRST, "version": 0, "operation": STROKE})
    desk.edit(request)
    after = ids_of(desk).copy()
    with pytest.raises(Outdated):
        desk.edit(request)
    assert np.array_equal(ids_of(desk), after)


def test_a_fix_is_saved_beside_the_result(desk: Desk, made: Refined) -> None:
    frame = made.frames[0]
    result = made.layout.output_path(frame).read_bytes()
    edit(desk, **STROKE)
    state = save(desk)
    assert not state["draft"]
    fix = read_fix(made.layout, frame)
    assert fix is not None
    assert np.array_equal(fix.ids, ids_of(desk))
    assert (fix.author, fix.note) == ("Ada", "brush 1")
    assert fix.based_on == digest_map(made.layout.output_path(frame))
    assert made.layout.output_path(frame).read_bytes() == result
    assert row(desk)["state"] == "fixed"
    again = make_desk(made.root)
    assert row(again)["state"] == "fixed"
    assert again.describe(**FIRST)["fix"]["author"] == "Ada"
    assert np.array_equal(ids_of(again), fix.ids)


def test_accepting_and_keeping_coarse_are_fixes_that_say_so(desk: Desk, made: Refined) -> None:
    frame = made.frames[0]
    made.write(frame, np.full((48, 64), 3))
    save(desk, how="accepted")
    accepted = read_fix(made.layout, frame)
    assert accepted is not None
    assert accepted.note == "accepted"
    assert (accepted.ids == 3).all()
    save(desk, how="coarse")
    kept = read_fix(made.layout, frame)
    assert kept is not None
    assert kept.note == "kept coarse"
    assert kept.based_on == digest_map(made.layout.ids_path(frame))
    assert np.array_equal(kept.ids, read_ids(made.layout.ids_path(frame)))


def test_the_later_of_two_editors_is_told_and_may_go_on(made: Refined) -> None:
    first, second = make_desk(made.root, "Ada"), make_desk(made.root, "Grace")
    edit(first, **STROKE)
    edit(second, **{**STROKE, "id": 11})
    save(first)
    with pytest.raises(FixConflict) as told:
        save(second)
    assert told.value.author == "Ada"
    fix = read_fix(made.layout, made.frames[0])
    assert fix is not None
    assert fix.author == "Ada"
    assert second.describe(**FIRST)["outdated"]
    assert make_desk(made.root, "Grace").describe(**FIRST)["draft"]
    save(second, over=True)
    fix = read_fix(made.layout, made.frames[0])
    assert fix is not None
    assert (fix.author, 11 in fix.ids) == ("Grace", True)


def test_a_draft_is_dropped_and_a_fix_removed(desk: Desk, made: Refined) -> None:
    refined = ids_of(desk).copy()
    edit(desk, **STROKE)
    save(desk)
    edit(desk, kind="relabel", old=9, new=0)
    desk.forget(Forget.model_validate({**FIRST, "what": "draft"}))
    assert 9 in ids_of(desk)
    assert row(desk)["state"] == "fixed"
    desk.forget(Forget.model_validate({**FIRST, "what": "fix"}))
    assert fix_digest(made.layout, made.frames[0]) is None
    assert np.array_equal(ids_of(desk), refined)
    assert row(desk)["state"] == "open"


def test_a_neighbours_object_is_taken(desk: Desk, made: Refined) -> None:
    # The camera stands still, so the ids of the neighbour are taken where they lie.
    first, second = (made.layout.image_path(frame) for frame in made.frames[:2])
    second.write_bytes(first.read_bytes())
    neighbour = made.in_file(made.frames[1])
    before = ids_of(desk).copy()
    edit(desk, kind="take", image="frame_000001.jpg", id=2)
    expected = np.where((before == 0) & (neighbour == 2), 2, before)
    assert np.array_equal(ids_of(desk), expected)
    edit(desk, kind="take", image="frame_000001.jpg", id=2, over=True)
    assert np.array_equal(ids_of(desk), np.where(neighbour == 2, 2, before))
    with pytest.raises(UnknownFrame):
        edit(desk, kind="take", image="../frame_000001.jpg")


def test_parts_get_ids_that_the_scene_does_not_have(desk: Desk, made: Refined) -> None:
    used = {int(each) for f in made.frames[:3] for each in np.unique(made.in_file(f))}
    edit(desk, kind="reset", to="coarse")
    for number in range(3):
        points = [[8 + 20 * number, 40]]
        edit(desk, kind="brush", id=1, points=points, radius=4)
    edit(desk, kind="split", id=1)
    new = {int(each) for each in np.unique(ids_of(desk))} - used
    assert new
    free = desk.free_id(FIRST["scene"])["id"]
    assert free not in used | new


def test_filling_takes_what_is_connected(desk: Desk) -> None:
    edit(desk, kind="brush", id=5, points=[[20, 20]], radius=6)
    edit(desk, kind="brush", id=0, points=[[20, 0], [20, 47]], radius=1)
    left = ids_of(desk) == 5
    left[:, 20:] = False
    edit(desk, kind="fill", id=77, row=20, column=16)
    assert np.array_equal(ids_of(desk) == 77, left)


def test_many_frames_stay_on_disk_not_in_memory(make_dataset: MakeDataset) -> None:
    made = refine_for_review(make_dataset(scenes=1, frames=KEPT_OPEN + 3))
    desk = make_desk(made.root)
    edit(desk, **STROKE)
    for frame in made.frames:
        desk.describe(frame.scene, frame.image)
    assert len(desk._open) == KEPT_OPEN
    assert 9 in ids_of(desk)


def test_a_frame_without_result_is_fixed_from_coarse(desk: Desk, made: Refined) -> None:
    frame = made.frames[0]
    made.layout.output_path(frame).unlink()
    facts = desk.describe(**FIRST)
    assert facts["layers"] == ["coarse", "edited"]
    assert facts["problem"] == "this frame has no result yet"
    save(desk, how="accepted")
    fix = read_fix(made.layout, frame)
    assert fix is not None
    assert fix.based_on == digest_map(made.layout.ids_path(frame))


def test_a_torn_image_is_told(desk: Desk, made: Refined) -> None:
    made.layout.image_path(made.frames[0]).write_bytes(b"torn")
    with pytest.raises(FrameError, match="frame_000000"):
        desk.describe(**FIRST)


def test_a_damaged_draft_is_told_and_can_be_removed_by_hand(desk: Desk, made: Refined) -> None:
    edit(desk, **STROKE)
    [draft] = (made.root / "autorefiner" / "drafts").rglob("*.npz")
    draft.write_bytes(b"torn")
    with pytest.raises(FrameError, match="drafts"):
        make_desk(made.root).describe(**FIRST)


def test_drafts_are_not_written_through_links(desk: Desk, made: Refined, tmp_path: Path) -> None:
    (made.root / "autorefiner" / "drafts").symlink_to(tmp_path, target_is_directory=True)
    before = ids_of(desk).copy()
    with pytest.raises(FrameError, match="link"):
        edit(desk, **STROKE)
    assert not list(tmp_path.rglob("*.npz"))
    # What cannot be drafted is not done either.
    assert np.array_equal(ids_of(desk), before)
    assert desk.describe(**FIRST)["version"] == 0
    (made.root / "autorefiner" / "drafts").unlink()
    edit(desk, **STROKE)
    (made.root / "autorefiner" / "drafts" / "Ada").rename(tmp_path / "away")
    (made.root / "autorefiner" / "drafts" / "Ada").symlink_to(tmp_path / "away")
    painted = ids_of(desk).copy()
    with pytest.raises(FrameError, match="link"):
        edit(desk, kind="undo")
    assert np.array_equal(ids_of(desk), painted)


@pytest.mark.parametrize("author", ["..", ".", "a/../../b", "名" * 200, "~", "con."])
def test_drafts_of_any_author_stay_in_their_folder(made: Refined, author: str) -> None:
    desk = make_desk(made.root, author)
    edit(desk, **STROKE)
    [draft] = made.root.rglob("*.npz")
    assert draft.parent.parent.parent == made.root / "autorefiner" / "drafts"
    assert make_desk(made.root, author).describe(**FIRST)["draft"]
    assert not make_desk(made.root, "somebody").describe(**FIRST)["draft"]


def test_a_data_set_without_a_run_has_a_queue_too(make_dataset: MakeDataset) -> None:
    desk = make_desk(make_dataset(scenes=1, frames=2))
    assert desk.queue.counts()["all"] == 2
    assert "no run is on record" in desk.problems[0]
    save(desk, how="coarse")
    assert row(desk)["state"] == "fixed"


def test_objects_are_ranked_by_doubt(desk: Desk) -> None:
    edit(desk, kind="relabel", old=1, new=0)
    objects = desk.objects(**FIRST)
    assert objects[0]["id"] == 1
    assert (objects[0]["area"], objects[0]["doubt"]) == (0, 1.0)
    doubts = [each["doubt"] for each in objects]
    assert doubts == sorted(doubts, reverse=True)


def test_clicks_make_a_mask_that_becomes_the_object(desk: Desk) -> None:
    asked = desk.ask(Ask(**FIRST, points=((0.4, 0.4),), inside=(True,), id=1))
    about = dict(asked.about or {})
    left, top, width, height = about["box"]
    mask = np.zeros((48, 64), np.bool_)
    pixels = np.frombuffer(zlib.decompress(asked.content), np.uint8)
    mask[top : top + height, left : left + width] = pixels.reshape(height, width)
    assert json.dumps(about)
    edit(desk, kind="shape", id=1, mask=about["mask"])
    assert np.array_equal(ids_of(desk) == 1, mask)
    assert desk.describe(**FIRST)["note"] == "clicks 1"
    with pytest.raises(Outdated, match="click once more"):
        edit(desk, kind="shape", id=1, mask=about["mask"] + 1)
