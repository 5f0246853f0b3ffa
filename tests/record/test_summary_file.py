from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from distributed import Client

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
