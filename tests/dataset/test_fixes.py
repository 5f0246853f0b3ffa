"""A fix counts in place of refined ids, and never replaces what its editor has not seen."""

from __future__ import annotations

import errno
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config import DataConfig, OutputConfig
from pipeline.dataset import Layout, discover, read_ids, write_ids
from pipeline.dataset.fixes import (
    Fix,
    counting_ids,
    counting_path,
    digest_map,
    fix_digest,
    fixed_among,
    fixed_frames,
    read_fix,
    remove_fix,
    write_fix,
)
from pipeline.dataset.formats import RESULT_FORMATS
from pipeline.errors import ConfigError, FixConflict, FrameError, IdRangeError, StorageError
from pipeline.records import FrameRef
from tests.examples import examples
from tests.refined import Refined, refine_by_hand
from tests.scans import blobs, write_scans
from tests.trees import TREES, draw

FIXED = np.full((12, 17), 9, np.uint16)
WHEN = "2026-05-04T10:11:12+00:00"


@pytest.fixture
def refined(tmp_path: Path) -> Refined:
    return refine_by_hand(write_scans(tmp_path, {"a": [blobs(seed=1), blobs(seed=2)]}))


def fix_of(refined: Refined, ids: npt.NDArray[np.uint16] = FIXED, author: str = "Ada") -> Fix:
    basis = digest_map(refined.layout.output_path(refined.frames[0]))
    return Fix(ids, author, WHEN, basis, "clicks 3, brush 1")


def save(refined: Refined, ids: int = 9, author: str = "Ada", seen: str | None = None) -> str:
    fix = fix_of(refined, np.full_like(FIXED, ids), author)
    return write_fix(refined.layout, refined.frames[0], fix, seen)


def test_a_fix_comes_back_with_its_maker(refined: Refined) -> None:
    layout, frame = refined.layout, refined.frames[0]
    assert read_fix(layout, frame) is None
    assert fix_digest(layout, frame) is None
    digest = save(refined)
    fix = read_fix(layout, frame)
    assert fix is not None
    assert fix.ids.dtype == np.uint16
    np.testing.assert_array_equal(fix.ids, FIXED)
    expected = fix_of(refined)
    assert (fix.author, fix.made, fix.note) == (expected.author, expected.made, expected.note)
    assert fix.based_on == expected.based_on
    assert digest == fix_digest(layout, frame) == digest_map(layout.fix_path(frame))


def test_the_fix_counts_until_it_is_removed(refined: Refined) -> None:
    layout, (frame, other) = refined.layout, refined.frames
    before = counting_ids(layout, frame)
    result = layout.output_path(frame).read_bytes()
    digest = save(refined)
    assert counting_path(layout, frame) == layout.fix_path(frame)
    np.testing.assert_array_equal(counting_ids(layout, frame), FIXED)
    assert counting_path(layout, other) == layout.output_path(other)
    assert layout.output_path(frame).read_bytes() == result
    remove_fix(layout, frame, digest)
    np.testing.assert_array_equal(counting_ids(layout, frame), before)
    assert fix_digest(layout, frame) is None


def test_the_later_of_two_editors_is_told(refined: Refined) -> None:
    layout, frame = refined.layout, refined.frames[0]
    first = save(refined, 1, "Ada")
    with pytest.raises(FixConflict, match="a fix that Ada saved") as told:
        save(refined, 2, "Bo", seen=None)
    assert (told.value.author, told.value.made) == ("Ada", WHEN)
    assert str(pickle.loads(pickle.dumps(told.value))) == str(told.value)
    second = save(refined, 3, "Bo", seen=first)
    with pytest.raises(FixConflict, match="Bo"):
        save(refined, 4, "Ada", seen=first)
    with pytest.raises(FixConflict, match="Bo"):
        remove_fix(layout, frame, first)
    np.testing.assert_array_equal(counting_ids(layout, frame), 3)
    remove_fix(layout, frame, second)
    with pytest.raises(FixConflict, match="no fix any more"):
        save(refined, 5, "Ada", seen=second)
    remove_fix(layout, frame, None)
    assert fix_digest(layout, frame) is None


def test_one_of_many_editors_at_once_wins(refined: Refined) -> None:
    seen: str | None = None
    n_editors = 6
    for turn in range(5):
        ready = threading.Barrier(n_editors)

        def edit(editor: int, turn: int = turn, seen: str | None = seen) -> str | None:
            ready.wait()  # noqa: B023 (all of a turn share it)
            try:
                return save(refined, 1 + 10 * turn + editor, f"editor {editor}", seen)
            except FixConflict:
                return None

        with ThreadPoolExecutor(n_editors) as threads:
            winners = [digest for digest in threads.map(edit, range(n_editors)) if digest]
        assert winners == [fix_digest(refined.layout, refined.frames[0])]
        seen = winners[0]


@pytest.mark.parametrize("output_format", RESULT_FORMATS)
def test_a_fix_is_found_in_every_format(refined: Refined, output_format: str) -> None:
    layout = replace(refined.layout, output=OutputConfig(format=output_format))
    frame = refined.frames[0]
    digest = write_fix(layout, frame, fix_of(refined), None)
    for other in RESULT_FORMATS:
        elsewhere = replace(layout, output=OutputConfig(format=other))
        assert fix_digest(elsewhere, frame) == digest
        assert fixed_frames(elsewhere, "a") == [frame.image]
    now = replace(layout, output=OutputConfig(format="npz"))
    write_fix(now, frame, fix_of(refined, np.full_like(FIXED, 4)), digest)
    np.testing.assert_array_equal(counting_ids(layout, frame), 4)
    assert [path.suffix for path in (refined.root / "a/obj_ids_fixed").glob("frame*")] == [".npz"]


def test_a_fix_has_the_size_of_the_ids(refined: Refined) -> None:
    with pytest.raises(FrameError, match=r"shape \(17, 12\); expected \(12, 17\)"):
        write_fix(refined.layout, refined.frames[0], fix_of(refined, FIXED.T), None)
    assert not refined.layout.fixes_folder("a").exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"author": ""}, "author"),
        ({"author": "a\nb"}, "author"),
        ({"author": "a" * 201}, "author"),
        ({"made": "yesterday"}, "ISO 8601"),
        ({"made": "2026-05-04T10:11:12"}, "offset"),
        ({"based_on": ""}, "32 hex digits"),
        ({"based_on": "F" * 32}, "32 hex digits"),
        ({"note": "n" * 2001}, "2001 characters"),
    ],
)
def test_words_are_checked(refined: Refined, wrong: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        write_fix(refined.layout, refined.frames[0], replace(fix_of(refined), **wrong), None)
    assert fix_digest(refined.layout, refined.frames[0]) is None


def test_an_id_too_large_for_the_format_changes_nothing(refined: Refined) -> None:
    layout = replace(refined.layout, output=OutputConfig(format="npy"))
    with pytest.raises(IdRangeError, match="32767"):
        write_fix(layout, refined.frames[0], fix_of(refined, np.full_like(FIXED, 40_000)), None)
    assert fix_digest(layout, refined.frames[0]) is None


def test_a_full_disk_keeps_the_older_fix(refined: Refined, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = save(refined)

    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match="space"):
        save(refined, 7, seen=digest)
    assert fix_digest(refined.layout, refined.frames[0]) == digest
    left = sorted(path.name for path in refined.layout.fixes_folder("a").iterdir())
    assert left == [".autorefiner-lock", "frame_000000.png.pth"]


def test_fixes_are_not_written_through_links(refined: Refined, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    refined.layout.fixes_folder("a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FrameError, match="found a link"):
        save(refined)
    assert [*(tmp_path / "elsewhere").iterdir()] == []


def test_a_link_in_the_place_of_a_fix_is_replaced_not_followed(refined: Refined) -> None:
    layout, frame = refined.layout, refined.frames[0]
    result = layout.output_path(frame).read_bytes()
    layout.fixes_folder("a").mkdir()
    layout.fix_path(frame).symlink_to(layout.output_path(frame))
    save(refined, seen=fix_digest(layout, frame))
    assert layout.output_path(frame).read_bytes() == result
    assert not layout.fix_path(frame).is_symlink()


def test_a_map_of_another_program_is_a_fix_of_unknown_author(refined: Refined) -> None:
    layout, frame = refined.layout, refined.frames[0]
    layout.fixes_folder("a").mkdir()
    path = layout.fixes_folder("a") / f"{frame.image}.npy"
    np.save(path, FIXED.astype(np.int16))
    os.utime(path, (0, 0))
    fix = read_fix(layout, frame)
    assert fix is not None
    assert (fix.author, fix.made, fix.based_on) == ("unknown", "1970-01-01T00:00:00+00:00", "")
    with pytest.raises(FixConflict, match="unknown"):
        save(refined)


@pytest.mark.parametrize(
    "words",
    [
        {"author": "a\x1b[2J", "made": WHEN},
        {"author": "a" * 5_000, "made": WHEN},
        {"author": "Ada", "made": "<script>"},
        {"author": "Ada"},
    ],
)
def test_texts_of_strangers_are_no_author(refined: Refined, words: dict[str, str]) -> None:
    layout, frame = refined.layout, refined.frames[0]
    more = {"based_on": "<script>", "note": "n" * 5_000}
    write_ids(layout.fix_path(frame), FIXED, "pth", {**words, **more})
    os.utime(layout.fix_path(frame), (0, 0))
    fix = read_fix(layout, frame)
    assert fix is not None
    assert (fix.author, fix.made, fix.based_on) == ("unknown", "1970-01-01T00:00:00+00:00", "")
    assert fix.note == "n" * 2000


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from("AB"), st.sampled_from(["open", "save", "remove"])), max_size=12
    )
)
def test_nobody_loses_a_fix_that_they_have_not_seen(
    refined: Refined, steps: list[tuple[str, str]]
) -> None:
    layout, frame = refined.layout, refined.frames[0]
    remove_fix(layout, frame, fix_digest(layout, frame))
    present, seen = 0, {"A": 0, "B": 0}  # numbers of the fixes; 0 is none
    digests: dict[int, str | None] = {0: None}
    for number, (editor, action) in enumerate(steps, start=1):
        begun = digests[seen[editor]]
        if action == "open":
            seen[editor] = present
            continue
        try:
            if action == "save":
                digests[number] = save(refined, number, editor, begun)
            else:
                remove_fix(layout, frame, begun)
        except FixConflict:
            assert seen[editor] != present
        else:
            assert seen[editor] == present
            seen[editor] = present = number if action == "save" else 0
        assert fix_digest(layout, frame) == digests[present]


def test_a_damaged_fix_is_an_error_not_a_missing_one(refined: Refined) -> None:
    layout, frame = refined.layout, refined.frames[0]
    save(refined)
    content = layout.fix_path(frame).read_bytes()
    layout.fix_path(frame).write_bytes(content[: len(content) // 2])
    for read in (read_fix, counting_ids):
        with pytest.raises(FrameError, match=r"frame_000000\.png\.pth"):
            read(layout, frame)
    assert fixed_frames(layout, "a") == [frame.image]


def test_fixed_frames_are_listed_from_one_folder(refined: Refined) -> None:
    layout = refined.layout
    assert fixed_frames(layout, "a") == fixed_frames(layout, "none") == []
    for frame in reversed(refined.frames):
        write_fix(layout, frame, fix_of(refined), None)
    (layout.fixes_folder("a") / ".autorefiner-1.tmp").touch()
    (layout.fixes_folder("a") / "notes.txt").touch()
    assert fixed_frames(layout, "a") == [frame.image for frame in refined.frames]
    gone = FrameRef("b", "gone.png", "gone.npy")
    assert [*fixed_among(layout, [*refined.frames[1:], gone])] == refined.frames[1:]


@pytest.mark.parametrize("name", TREES)
def test_frames_of_every_layout_can_be_fixed_where_they_lie(tmp_path: Path, name: str) -> None:
    for _, tree in TREES[name]:
        root = tmp_path / str(len([*tmp_path.iterdir()]))
        draw(root, tree)
        before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        layout = Layout(root, DataConfig(layout=name), OutputConfig())
        frames = discover(root, layout.data).frames
        for number, frame in enumerate(frames, start=1):
            fix = Fix(np.full((48, 64), number, np.uint16), "Ada", WHEN, "0" * 32)
            write_fix(layout, frame, fix, None)
        assert [*fixed_among(layout, frames)] == frames
        found = [int(counting_ids(layout, frame)[0, 0]) for frame in frames]
        assert found == [*range(1, len(frames) + 1)], "no two frames share a place"
        assert before.items() <= {path: path.read_bytes() for path in before}.items()


def test_fixes_lie_as_ids_do(tmp_path: Path) -> None:
    for camera in "lr":
        for kind in ("rgb", "ids"):
            (tmp_path / kind / "s" / camera).mkdir(parents=True)
        (tmp_path / "rgb" / "s" / camera / "1.jpg").touch()
        np.save(tmp_path / "ids" / "s" / camera / "1.npy", FIXED.astype(np.int16))
    data = DataConfig(images="rgb/{scene}/{camera}/{frame}", ids="ids/{scene}/{camera}/{frame}")
    output = OutputConfig(path="out/{scene}/{camera}_{frame}", format="png")
    layout = Layout(tmp_path, data, output)
    frame = discover(tmp_path, data).frames[1]
    assert frame == FrameRef("s", "r/1.jpg", "r/1.npy")
    write_fix(layout, frame, Fix(FIXED, "Ada", WHEN, "0" * 32), None)
    np.testing.assert_array_equal(read_ids(tmp_path / "ids/s/obj_ids_fixed/r/1.jpg.png"), FIXED)
    assert fixed_frames(layout, "s") == ["r/1.jpg"]
    assert len(discover(tmp_path, data).frames) == 2
