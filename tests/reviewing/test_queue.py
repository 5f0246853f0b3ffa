"""The queue: figures of the journal, doubts, orders, filters and states."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.record.journal import Entry, _to_row, scan_journal
from pipeline.records import FrameOutcome, FrameRef
from pipeline.reviewing.doubts import GROUNDS, raise_doubts
from pipeline.reviewing.figures import FIGURES, FrameFigures, read_figures, without_figures
from pipeline.reviewing.queue import MOST_ROWS, Queue, State

shares = st.floats(0, 1, width=32)


def line(scene: str, image: str, stats: Mapping[str, float], message: str | None = None) -> str:
    """Return a line of the journal, as a run writes it."""
    frame = FrameRef(scene, image, f"{image}.pth")
    status = "failed" if message else "done"
    outcome = FrameOutcome(frame, status, {"read": 0.1}, stats, None, None, message)
    return json.dumps(_to_row(Entry(outcome, "f00d", (), None))) + "\n"


def figures(**columns: list[float]) -> FrameFigures:
    """Return the figures of frames `0`, `1`, … of one scene."""
    [n] = {len(column) for column in columns.values()}
    known = {name: np.array(column, np.float32) for name, column in columns.items()}
    missing = np.full(n, np.nan, np.float32)
    return FrameFigures(
        ("room",) * n,
        tuple(map(str, range(n))),
        np.zeros(n, np.bool_),
        {name: known.get(name, missing) for name in FIGURES},
    )


rows = st.tuples(
    st.sampled_from(["a", 'b"c\\', "床"]),
    st.sampled_from(["1.jpg", "x/2.jpg"]),
    st.dictionaries(st.sampled_from([*FIGURES, "other"]), st.one_of(shares, st.just(math.nan))),
    st.one_of(st.none(), st.sampled_from(['found "agreement": 3', '"stats": {"agreement": 1}'])),
)


@given(st.lists(rows, min_size=1, max_size=9))
def test_figures_are_those_that_parsing_finds(lines: list[tuple[Any, ...]]) -> None:
    text = "".join(line(*row) for row in lines) + '{"scene": "torn", "ima'
    found = read_figures(io.BytesIO(text.encode()))
    last: dict[tuple[str, str], FrameOutcome] = {}
    for _, entry in scan_journal(io.BytesIO(text.encode())):
        last[entry.outcome.frame.scene, entry.outcome.frame.image] = entry.outcome
    assert list(zip(found.scenes, found.images, strict=True)) == sorted(last)
    for row, key in enumerate(sorted(last)):
        assert found.failed[row] == last[key].failed
        for name in FIGURES:
            expected = np.float32(last[key].stats.get(name, np.nan))
            assert found.columns[name][row] == pytest.approx(expected, nan_ok=True)


def test_many_lines_fit_into_the_columns() -> None:
    text = "".join(line("a", f"{n:05d}", {"agreement": n / 9000}) for n in range(9000))
    found = read_figures(io.BytesIO(text.encode()))
    assert found.columns["agreement"] == pytest.approx(np.arange(9000) / 9000)
    assert np.isnan(found.columns["lost_ratio"]).all()


@given(st.lists(st.tuples(shares, shares, shares), min_size=1, max_size=8))
def test_doubt_is_a_share_and_grows_with_every_ground(
    frames: list[tuple[float, float, float]],
) -> None:
    agreement, support, lost = map(list, zip(*frames, strict=True))
    known = figures(agreement=agreement, support_refined=support, lost_ratio=lost)
    raised = raise_doubts(known, {("room", "0"): 3})
    doubt = raised["doubt"]
    assert ((doubt >= 0) & (doubt <= 1)).all()
    for ground in GROUNDS:
        assert (doubt >= ground.weight * raised[ground.name] - 1e-6).all()
    calm = raise_doubts(known, {})
    assert (doubt[1:] == calm["doubt"][1:]).all()
    assert doubt[0] > calm["doubt"][0] or calm["doubt"][0] == 1


def test_what_is_not_known_raises_no_doubt_and_a_failure_all_of_it() -> None:
    frames = without_figures([FrameRef("a", "1", "1.pth"), FrameRef("a", "2", "2.pth")])
    assert raise_doubts(frames, {})["doubt"].tolist() == [0, 0]
    text = line("a", "1", {}, "torn") + line("a", "2", {"agreement": 1.0})
    failed = read_figures(io.BytesIO(text.encode()))
    queue = Queue.of(failed, {})
    [first, second] = queue.rows(queue.select("doubt"), 0, 10)
    assert (first["image"], first["doubt"], first["why"]) == ("1", 1.0, "failed: no result")
    assert (second["doubt"], second["why"]) == (0.0, "")


def test_orders_filters_and_pages() -> None:
    queue = Queue.of(figures(agreement=[0.9, 0.2, 0.5, 0.2], lost_ratio=[0.3, 0, 0, 0]), {})
    names = lambda *how: [row["image"] for row in queue.rows(queue.select(*how), 0, 50)]  # noqa: E731
    assert names("doubt") == ["1", "3", "0", "2"]
    assert names("agreement") == ["1", "3", "2", "0"]
    assert names("name") == ["0", "1", "2", "3"]
    queue.set_state([("room", "1"), ("room", "gone")], State.FIXED)
    queue.set_state([("room", "3")], State.DRAFT)
    assert names("agreement", "fixed") == ["1"]
    assert names("agreement", "open") == ["3", "2", "0"]
    assert names("agreement", "all", "ROOM 2") == ["2"]
    assert names("agreement", "all", "2 hall") == []
    assert queue.counts() == {"all": 4, "open": 2, "draft": 1, "fixed": 1}
    assert [row["image"] for row in queue.rows(queue.select("name"), 2, 1)] == ["2"]
    assert queue.find("room", "2") == 2
    assert queue.find("hall", "2") is None


def test_a_page_of_the_queue_is_bounded() -> None:
    queue = Queue.of(figures(agreement=[0.5] * (MOST_ROWS + 9)), {})
    assert len(queue.rows(queue.select("doubt"), 0, 10**9)) == MOST_ROWS
    assert queue.rows(queue.select("doubt"), 10**9, 5) == []
