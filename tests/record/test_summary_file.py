from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from distributed import Client

from pipeline.dataset import discover
from pipeline.record.opening import open_dataset
from tests.fixing import fix_frame
from tests.proposers import refine_dataset


def on_record(root: Path) -> tuple[bytes, bytes]:
    record = root / "autorefiner"
    page = (record / "report.html").read_bytes()
    return (record / "summary.json").read_bytes(), re.sub(rb"\d\d:\d\d(:\d\d)?", b"TIME", page)


def test_a_run_with_nothing_to_do_leaves_the_record_of_the_one_before(
    make_dataset: Callable[..., Path], inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=2)
    refine_dataset(root, client=inside_client)
    before = on_record(root)
    again = refine_dataset(root, client=inside_client)
    assert "this run: nothing to do" in again.as_text()
    assert on_record(root) == before
    other = refine_dataset(root, {"proposals": {"mode": "grid"}}, inside_client)
    assert other.total.stale == 2
    assert on_record(root) == before


def test_fixes_made_since_are_counted_and_the_speed_is_kept(
    make_dataset: Callable[..., Path], inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=2)
    refine_dataset(root, client=inside_client)
    before = json.loads(on_record(root)[0])
    fix_frame(open_dataset(root).layout, discover(root).frames[1], np.full((48, 64), 9))
    again = refine_dataset(root, client=inside_client)
    assert "2/2 ok" in again.as_text()
    assert ", fixed 1" in again.as_text()
    after = json.loads(on_record(root)[0])
    assert after["total"] == {**before["total"], "fixed": 1}
    assert after["scenes"]["scene_0000"]["fixed"] == 1
    assert (after["seconds"], after["processed"]) == (before["seconds"], 2)


def test_what_has_changed_is_put_on_record(
    make_dataset: Callable[..., Path], inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=2)
    refine_dataset(root, client=inside_client)
    (root / "scene_0000" / "images" / "frame_000001.jpg").unlink()
    refine_dataset(root, client=inside_client)
    assert json.loads(on_record(root)[0])["total"]["frames"] == 1


def test_a_torn_summary_is_replaced(
    make_dataset: Callable[..., Path], inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=1)
    refine_dataset(root, client=inside_client)
    (root / "autorefiner" / "summary.json").write_text("{")
    refine_dataset(root, client=inside_client)
    assert json.loads(on_record(root)[0])["complete"]
