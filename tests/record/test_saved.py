from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from distributed import Client

import pipeline
from pipeline.cli.options import load_settings_of_run
from pipeline.config import Config, load_config
from pipeline.record.saved import settings_of_last_run


def on_record(root: Path) -> tuple[bytes, bytes]:
    record = root / "autorefiner"
    page = (record / "report.html").read_bytes()
    return (record / "summary.json").read_bytes(), re.sub(rb"\d\d:\d\d(:\d\d)?", b"TIME", page)


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


def test_settings_of_the_last_run_are_those_that_shaped_and_placed_its_results(
    make_dataset: Callable[..., Path], inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=1)
    assert settings_of_last_run(root) == Config()
    given = {"output": {"format": "png"}, "refinement": {"min_agreement": 0.3}}
    pipeline.refine_dataset(root, {**given, "run": {"partition_size": 3}}, inside_client)
    assert settings_of_last_run(root) == load_config(given)


def test_single_settings_are_laid_over_those_of_the_last_run(
    make_dataset: Callable[..., Path], inside_client: Client, tmp_path: Path
) -> None:
    root, out = make_dataset(scenes=1, frames=1), tmp_path / "elsewhere"
    given = {"output": {"format": "png", "root": str(out)}, "refinement": {"min_agreement": 0.3}}
    pipeline.refine_dataset(root, given, inside_client)
    settings = load_settings_of_run(root, None, (f"output.root={out}", "report.frames=3"))
    assert settings == load_config({**given, "report": {"frames": 3}})
    assert load_settings_of_run(root, None, ("report.frames=3",)).output.format == "pth"
