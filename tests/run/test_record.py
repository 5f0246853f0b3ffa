from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from distributed import Client

import pipeline


def on_record(root: Path) -> tuple[bytes, bytes]:
    record = root / "autorefiner"
    return (record / "summary.json").read_bytes(), (record / "report.html").read_bytes()


def test_a_run_with_nothing_to_do_leaves_the_record_of_the_one_before(
    make_dataset: Callable[..., Path], inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=2)
    pipeline.refine_dataset(root, client=inside_client)
    before = on_record(root)
    again = pipeline.refine_dataset(root, client=inside_client)
    assert "this run: nothing to do" in again.as_text()
    assert on_record(root) == before
    other = pipeline.refine_dataset(root, {"proposals": {"mode": "grid"}}, inside_client)
    assert other.total.stale == 2
    assert on_record(root) == before


def test_what_has_changed_is_put_on_record(
    make_dataset: Callable[..., Path], inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=2)
    pipeline.refine_dataset(root, client=inside_client)
    (root / "scene_0000" / "images" / "frame_000001.jpg").unlink()
    pipeline.refine_dataset(root, client=inside_client)
    assert json.loads(on_record(root)[0])["total"]["frames"] == 1


def test_a_torn_summary_is_replaced(
    make_dataset: Callable[..., Path], inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=1)
    pipeline.refine_dataset(root, client=inside_client)
    (root / "autorefiner" / "summary.json").write_text("{")
    pipeline.refine_dataset(root, client=inside_client)
    assert json.loads(on_record(root)[0])["complete"]
