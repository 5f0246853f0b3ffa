from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from pipeline.clock import Busy
from pipeline.errors import IdMapError, IdRangeError, ImageError, reason_of
from pipeline.record.summary import Summary
from pipeline.record.tally import (
    MAX_REASONS,
    OTHER_REASONS,
    SHOWN_FAILURES,
    SUSPICIOUS_SUPPORT,
    Tally,
    by_count,
)
from pipeline.records import FrameOutcome, FrameRef

STATS = {"invalid_ratio": 0.1, "n_objects": 20, "matched": 15, "merged": 3, "fallback": 5}


def done(scene: str, image: str = "a.jpg", invalid: float = 0.1) -> FrameOutcome:
    stats = {**STATS, "invalid_ratio": invalid}
    return FrameOutcome(FrameRef(scene, image, ""), "done", {"read": 0.5, "encode": 2.0}, stats)


def failed(scene: str, image: str) -> FrameOutcome:
    return FrameOutcome(
        FrameRef(scene, image, ""), "failed", stage="read", error="ImageError", message="x\ntorn"
    )


def summary_of(tally: Tally) -> Summary:
    return Summary(
        scenes=tally.scenes,
        failures=tally.failures,
        suspicious=tally.suspicious,
        problems=tally.problems,
        processed=tally.processed,
        seconds=4.0,
        stage_seconds=tally.stage_seconds,
        paths={"results": "<root>"},
        settings={},
    )


def test_a_scene_is_one_line() -> None:
    tally = Tally()
    tally.expect({"room": 2})
    tally.add(done("room", "a.jpg", invalid=0.1))
    tally.add(done("room", "b.jpg", invalid=0.2))
    text = summary_of(tally).as_text()
    assert "room  2/2 ok, invalid 15.0 %, SAM matched 30, merged 6, kept coarse 10" in text
    assert "2 frame(s) in 4.0 s, 0.50 frames/s" in text
    assert "read 0.500, encode 2.000" in text


def test_a_run_tells_what_held_it_back() -> None:
    tally = Tally()
    tally.expect({"room": 1})
    tally.add(done("room"))
    waited = replace(summary_of(tally), busy=Busy(10.0, 4.0, reading=5.0))
    assert (
        "the model worked 40 % of the time, and waited 50 % for frames to be read, above all read: "
        "faster storage or more processor cores would help" in waited.as_text()
    )
    assert waited.as_dict()["waited_to_read"] == 0.5
    waited = replace(waited, busy=Busy(10.0, 4.0, reading=1.0))
    assert (
        "the model worked 40 % of the time, and waited 50 % for frames to be finished: "
        "more processor cores would help" in waited.as_text()
    )
    kept = replace(waited, busy=Busy(10.0, 9.0, 1.0, 0.87, {"images": 2}))
    assert "the model worked 90 % of the time, the GPU was busy 87 %: a smaller" in kept.as_text()
    assert "images: 2 at once" in kept.as_text()
    assert kept.as_dict()["model_busy"] == pytest.approx(0.9)
    assert kept.as_dict()["device_busy"] == 0.87
    assert "the model worked" not in summary_of(tally).as_text()


def test_failed_and_stale_frames_are_not_complete() -> None:
    tally = Tally()
    tally.expect({"a": 1, "b": 1})
    tally.add_stale(FrameRef("b", "y.jpg", ""))
    tally.add(failed("a", "x.jpg"))
    summary = summary_of(tally)
    assert not summary.complete
    text = summary.as_text()
    assert "a  0/1 ok" in text
    assert "FAILED 1" in text
    assert "failed, read: ImageError: 1" in text
    assert "a/x.jpg: torn" in text
    assert "--redo failed" in text
    assert "--redo stale" in text


def test_frames_of_earlier_runs_count_for_the_scene_but_not_for_this_run() -> None:
    tally = Tally()
    tally.expect({"a": 2})
    tally.add_kept(done("a", "x.jpg"))
    tally.add(done("a", "y.jpg"))
    summary = summary_of(tally)
    assert summary.complete
    assert summary.processed == 1
    assert summary.stage_seconds == {"read": 0.5, "encode": 2.0}


def test_many_failures_of_one_kind_stay_readable() -> None:
    tally = Tally()
    tally.expect({"a": 100})
    for number in range(100):
        tally.add(failed("a", f"{number}.jpg"))
    text = summary_of(tally).as_text()
    assert "failed, read: ImageError: 100" in text
    assert text.count(".jpg: torn") == SHOWN_FAILURES
    assert f"and {100 - SHOWN_FAILURES} more" in text


def test_failures_are_grouped_by_reason_whatever_differs_from_frame_to_frame() -> None:
    tally = Tally()
    tally.expect({"a": 9})
    errors = [
        *(ImageError(f"a/{n}.jpg", f"a damaged image ({n} bytes left)", "one") for n in range(3)),
        *(IdMapError(f"a/{n}.png", f"a dict of {n} keys", "a map") for n in range(2)),
        *(IdRangeError(f"a/{n}.png", f"id {n}", "less") for n in (70_000, 80_000)),
        IdMapError("a/x.png", "a 4-bit grey PNG", "a map"),
        ValueError("cannot open '/data/a/7.jpg': 3 != 4\nmore"),
    ]
    for number, error in enumerate(errors):
        frame = FrameRef("a", f"{number}.jpg", "")
        why = {"error": type(error).__name__, "message": str(error), "reason": reason_of(error)}
        tally.add(FrameOutcome(frame, "failed", stage="read", **why))
    assert {reason: group.count for reason, group in by_count(tally.failures).items()} == {
        "read: image: a damaged image (N bytes left)": 3,
        "read: id map: a dict of N keys": 2,
        "read: id map: an id beyond what results can hold": 2,
        "read: id map: a 4-bit grey PNG": 1,
        "read: ValueError: cannot open a path: N != N": 1,
    }
    text = summary_of(tally).as_text()
    assert "a/3.jpg: a/0.png: found a dict of 0 keys; expected a map" in text


def test_a_fault_that_gives_each_frame_other_words_fills_neither_memory_nor_screen() -> None:
    tally = Tally()
    tally.expect({"a": 2 * MAX_REASONS})
    for number in range(2 * MAX_REASONS):
        word = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        frame = FrameRef("a", f"{number}.jpg", "")
        tally.add(FrameOutcome(frame, "failed", stage="read", error="X", reason=word))
    assert len(tally.failures) == MAX_REASONS + 1
    assert tally.failures[OTHER_REASONS].count == MAX_REASONS
    summary = summary_of(tally)
    assert len(summary.as_text().splitlines()) < 100
    assert "other reason(s)" in summary.as_text()


def test_the_same_as_json() -> None:
    tally = Tally()
    tally.expect({"a": 2})
    tally.add(done("a"))
    tally.add(failed("a", "x.jpg"))
    tally.add_problem("image without ids", "a/y.jpg: no ids")
    row = json.loads(json.dumps(summary_of(tally).as_dict()))
    assert row["total"]["done"] == 1
    assert row["scenes"]["a"]["invalid_ratio"] == 0.1
    assert row["failures"]["read: ImageError"]["examples"] == ["a/x.jpg: torn"]
    assert row["problems"] == {"image without ids": {"count": 1, "examples": ["a/y.jpg: no ids"]}}
    assert row["complete"] is False


def test_an_empty_run_has_a_summary() -> None:
    text = summary_of(Tally()).as_text()
    assert "0 scene(s), 0 frame(s)" in text


def test_a_notebook_shows_scenes_as_a_table_and_failures_as_a_list() -> None:
    tally = Tally()
    tally.expect({"bath": 1, "<script>alert(1)</script>": 1})
    tally.add(done("bath"))
    tally.add(failed("<script>alert(1)</script>", "<b>.jpg"))
    page = summary_of(tally)._repr_html_()
    assert "<h3 style='margin: 0'>1 of 2 frames done</h3>" in page
    rows = re.findall("<tr>(.*?)</tr>", page)
    cells = [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    table = {row[0]: dict(zip(cells[0], row, strict=True)) for row in cells[:4]}
    assert table["bath"]["done"] == "1"
    assert table["bath"]["matched"] == "15"
    assert table["bath"]["without id"] == "10.0 %"
    assert table["total"]["failed"] == "1"
    assert "failed, read: ImageError: 1" in page
    assert "<li>&lt;script&gt;alert(1)&lt;/script&gt;/&lt;b&gt;.jpg: torn</li>" in page
    assert "<script>" not in page


def test_names_cannot_steer_a_terminal_or_add_lines() -> None:
    tally = Tally()
    tally.expect({"room\n\x1b[2J": 1})
    tally.add(failed("room\n\x1b[2J", "x\r.jpg"))
    text = summary_of(tally).as_text()
    assert "\x1b" not in text
    assert "\r" not in text
    assert "room\\n\\x1b[2J  0/1 ok" in text


def of_support(image: str, support: float) -> FrameOutcome:
    stats = {**STATS, "image_support": support}
    return FrameOutcome(FrameRef("room", image, f"{image}.pth"), "done", stats=stats)


def test_ids_that_the_image_does_not_bear_out_are_suspicious() -> None:
    tally = Tally()
    tally.expect({"room": 4})
    tally.add(of_support("right.jpg", SUSPICIOUS_SUPPORT))
    tally.add(of_support("wrong.jpg", -0.114))
    tally.add_kept(of_support("old.jpg", SUSPICIOUS_SUPPORT - 0.01))
    tally.add(done("room", "silent.jpg"))
    summary = summary_of(tally)
    assert summary.complete
    assert summary.total.suspicious == 2
    text = summary.as_text()
    assert "4/4 ok" in text
    assert "SUSPICIOUS 2" in text
    assert "  room/wrong.jpg: image support -0.11, ids wrong.jpg.pth" in text
    assert "  room/old.jpg: image support 0.24, ids old.jpg.pth" in text
    assert "right.jpg" not in text
    assert json.loads(json.dumps(summary.as_dict()))["suspicious"]["count"] == 2


def test_without_suspicion_nothing_is_said_of_it() -> None:
    tally = Tally()
    tally.expect({"room": 1})
    tally.add(of_support("right.jpg", 0.5))
    assert "suspicious" not in summary_of(tally).as_text().lower()
