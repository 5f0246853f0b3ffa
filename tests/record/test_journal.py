from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset import stamp
from pipeline.errors import StorageError
from pipeline.record.journal import Entry, _to_row, open_journal, read_journal, scan_lines
from pipeline.record.tally import SceneTally, Tally
from pipeline.records import FrameOutcome, FrameRef, FrameStatus

FILE_NAME = "journal.jsonl"


def entry(image: str = "a.jpg", status: str = "done", **outcome: object) -> Entry:
    frame = FrameRef("scene", image, f"{image}.pth")
    return Entry(
        outcome=FrameOutcome(frame, status, **outcome),  # type: ignore[arg-type]
        fingerprint="f00d",
        inputs=((1, 2), (3, 4)),
        output=(5, 6) if status == "done" else None,
    )


def known(folder: Path, *images: str) -> dict[str, Entry]:
    """Return the entries on record by image, of `images` or else of all `NAMES`."""
    with read_journal(folder / FILE_NAME) as journal:
        found = {image: journal.find(FrameRef("scene", image, "")) for image in images or NAMES}
    return {image: one for image, one in found.items() if one}


NAMES = ("a.jpg", "b.jpg", "c.jpg")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    done = entry("a.jpg", seconds={"read": 0.5}, stats={"matched": 3})
    failed = entry("b.jpg", "failed", stage="read", error="ImageError", message="line 1\nline 2")
    with open_journal(tmp_path / FILE_NAME) as journal:
        journal.append([done, failed])
    assert known(tmp_path) == {"a.jpg": done, "b.jpg": failed}


@pytest.mark.parametrize("status", FrameStatus)
def test_a_line_holds_the_plain_word_of_a_status(tmp_path: Path, status: FrameStatus) -> None:
    with open_journal(tmp_path / FILE_NAME) as journal:
        journal.append([entry(status=status)])
    assert f'"status": "{status.value}"' in (tmp_path / FILE_NAME).read_text()
    assert known(tmp_path)["a.jpg"].outcome.status is status


@pytest.mark.parametrize("word", ["Done", "", None, [], {"done": 1}])
def test_a_line_of_another_status_is_none_of_ours(tmp_path: Path, word: object) -> None:
    row = {**_to_row(entry()), "status": word}
    (tmp_path / FILE_NAME).write_text(json.dumps(row) + "\n")
    assert known(tmp_path) == {}


def test_the_last_entry_of_a_frame_counts(tmp_path: Path) -> None:
    for status in ("failed", "done"):
        with open_journal(tmp_path / FILE_NAME) as journal:
            journal.append([entry(status=status)])
    assert known(tmp_path)["a.jpg"].outcome.status == "done"


def test_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    assert known(tmp_path / "nowhere") == {}


def test_a_torn_line_costs_its_own_frame_only_wherever_it_was_torn(tmp_path: Path) -> None:
    with open_journal(tmp_path / FILE_NAME) as journal:
        journal.append([entry("a.jpg"), entry("b.jpg")])
    file = tmp_path / FILE_NAME
    whole = file.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole) - 1):
        file.write_bytes(whole[:length])
        with open_journal(tmp_path / FILE_NAME) as journal:
            journal.append([entry("c.jpg")])
        assert [*known(tmp_path)] == ["a.jpg", "c.jpg"]


@given(st.binary(max_size=200))
def test_garbage_is_skipped(tmp_path_factory: pytest.TempPathFactory, garbage: bytes) -> None:
    folder = tmp_path_factory.mktemp("journal")
    (folder / FILE_NAME).write_bytes(garbage)
    with open_journal(folder / FILE_NAME) as journal:
        journal.append([entry("a.jpg")])
    assert known(folder)["a.jpg"] == entry("a.jpg")


ODD = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())


@given(st.dictionaries(st.sampled_from([*_to_row(entry())]), ODD | st.dictionaries(st.text(), ODD)))
def test_rows_of_odd_values_are_skipped(
    tmp_path_factory: pytest.TempPathFactory, odd: dict[str, object]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    row = json.dumps({**_to_row(entry("b.jpg")), **odd})
    (folder / FILE_NAME).write_text(f"{row}\n{'[' * 100_000}\n")
    for one in known(folder).values():
        Tally(scenes={one.outcome.frame.scene: SceneTally()}).add(one.outcome)


def test_a_journal_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(StorageError, match=r"journal\.jsonl: the journal cannot be read"):
        known(tmp_path)


@given(st.text(), st.text())
def test_any_name_and_message_survives(
    tmp_path_factory: pytest.TempPathFactory, image: str, message: str
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    one = entry(image, "failed", message=message)
    with open_journal(folder / FILE_NAME) as journal:
        journal.append([one])
    assert known(folder, image) == {image: one}


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match=r"journal\.jsonl"),
        open_journal(tmp_path / "file" / "x" / FILE_NAME),
    ):
        pass


def test_a_stamp_changes_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert stamp(file) is None
    file.write_bytes(b"one")
    before = stamp(file)
    file.write_bytes(b"three")
    assert before is not None
    assert before[0] == 3
    assert stamp(file) != before


names = st.text('"\\a床/}, {:', max_size=6)


@given(names, names, st.integers(0, 12))
def test_names_are_found_without_parsing_a_line(scene: str, image: str, torn: int) -> None:
    row = {"scene": scene, "image": image, "stats": {}, "output": None}
    line = json.dumps(row).encode()
    whole = io.BytesIO(line + b"\n" + line[: len(line) - torn])
    expected = (scene, image)
    found = [(scene, image) for scene, image, _ in scan_lines(whole)]
    assert found[0] == expected
    assert found[1:] == ([expected] if torn == 0 else [])
