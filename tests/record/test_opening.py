from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from distributed import Client

import pipeline
from pipeline.cli import main
from pipeline.config import Config, load_config
from pipeline.exchange.export import export_dataset
from pipeline.record.opening import find_root, open_dataset, settings_of_last_run
from pipeline.viewing.layers import find_scene
from tests.proposers import read_status, refine_dataset, verify_dataset

MakeDataset = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refined(make_dataset: MakeDataset, inside_client: Client, home: Path) -> Path:
    """Return a data set with truth whose last run wrote PNG files and a mirror into `~/out`."""
    root = make_dataset(scenes=1, frames=1)
    shutil.copytree(root / "scene_0000" / "obj_ids", root / "scene_0000" / "gt_ids")
    output = {"root": "~/out", "format": "png", "mirror": True}
    refine_dataset(root, {"output": output}, inside_client)
    assert (home / "out" / "scene_0000" / "obj_ids_refine" / "frame_000000.jpg.png").is_file()
    return root


def test_a_home_folder_is_put_in_once_for_data_roots_and_settings(home: Path) -> None:
    opened = open_dataset("~/scans", {"output": {"root": "~/out"}})
    assert opened.layout.data_root == home / "scans"
    assert opened.layout.output_root == opened.settings.output.root == home / "out"
    assert open_dataset("scans").layout.data_root == home / "scans"
    assert find_root("~nobody-of-this-name/x") == home / "~nobody-of-this-name" / "x"


def test_paths_that_are_given_relative_are_absolute_after_opening(home: Path) -> None:
    given = {"output": {"root": "out"}, "model": {"checkpoint": "weights.pt", "cache_dir": "c"}}
    opened = open_dataset("scans", given).settings
    assert opened.output.root == home / "out"
    assert opened.model.checkpoint == home / "weights.pt"
    assert opened.model.cache_dir == home / "c"


def test_without_a_run_settings_are_the_defaults(home: Path) -> None:
    assert open_dataset("scans").settings == Config()


def test_settings_of_the_last_run_are_those_that_shaped_and_placed_its_results(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=1)
    assert settings_of_last_run(root) == Config()
    given = {"output": {"format": "png"}, "refinement": {"min_agreement": 0.3}}
    refine_dataset(root, {**given, "run": {"partition_size": 3}}, inside_client)
    assert open_dataset(root).settings == load_config(given)


def test_single_settings_are_laid_over_those_of_the_last_run(
    make_dataset: MakeDataset, inside_client: Client, tmp_path: Path
) -> None:
    root, out = make_dataset(scenes=1, frames=1), tmp_path / "elsewhere"
    given = {"output": {"format": "png", "root": str(out)}, "refinement": {"min_agreement": 0.3}}
    refine_dataset(root, given, inside_client)
    opened = open_dataset(root, None, (f"output.root={out}", "report.frames=3"))
    assert opened.settings == load_config({**given, "report": {"frames": 3}})
    assert open_dataset(root, None, ["report.frames=3"]).settings.output.format == "pth"


LOOKING_BACK: dict[str, Callable[[Path, Any, Client], object]] = {
    "read_status": lambda root, config, _: read_status(root, config).total.done,
    "verify_dataset": lambda root, config, _: verify_dataset(root, config).total.done,
    "write_report": lambda root, config, _: pipeline.write_report(root, config).is_file(),
    "evaluate": lambda root, config, _: len(pipeline.evaluate(root, config=config).frames),
    "build_mirror": lambda root, config, client: pipeline.build_mirror(root, config, client).counts[
        "same"
    ],
    "check_mirror": lambda root, config, client: pipeline.check_mirror(root, config, client).agrees,
    "compute_statistics": lambda root, config, client: len(
        [*pipeline.compute_statistics(root, config, client)]
    ),
    "export_dataset": lambda root, config, _: export_dataset(root, "davis", config=config).complete,
    "view_scene": lambda root, config, _: (
        find_scene(open_dataset(root, config).layout, None).labels("refined", 0).any()
    ),
}
"""Calls by name; each returns true if it finds the only result of a data set."""


def test_every_function_that_looks_back_finds_results_below_the_home_folder(
    refined: Path, inside_client: Client
) -> None:
    given = {"output": {"root": "~/out", "format": "png", "mirror": True}}
    for name, call in LOOKING_BACK.items():
        assert call(refined, given, inside_client), name
    assert not (refined / "autorefiner").exists()
    assert not Path("~").exists()


def test_every_function_that_looks_back_goes_by_the_last_run(
    make_dataset: MakeDataset, inside_client: Client, home: Path
) -> None:
    root = make_dataset(scenes=1, frames=1)
    shutil.copytree(root / "scene_0000" / "obj_ids", root / "scene_0000" / "gt_ids")
    output = {"dir": "sharp", "format": "png", "mirror": True}
    refine_dataset(root, {"output": output}, inside_client)
    for name, call in LOOKING_BACK.items():
        assert call(root, None, inside_client), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        # The command proposes with SAM 2, so results that were proposed by colour are stale.
        ("status", 0, "1\nstale: made with other settings"),
        ("verify", 1, "1\nstale: made with other settings"),
        ("report", 0, "out/autorefiner/report.html"),
        ("evaluate", 0, "1 frame"),
        ("export --to davis", 0, "1 frame"),
        ("mirror --check", 0, "1 agree with their results"),
        ("stats", 0, "out/autorefiner/statistics"),
    ],
)
def test_a_single_setting_keeps_those_of_the_last_run_for_every_command(
    refined: Path, words: str, code: int, said: str
) -> None:
    command, *options = words.split()
    single = ("--set", "output.root=~/out", "--set", "report.frames=8")
    done = CliRunner().invoke(main, [command, str(refined), *options, *single])
    assert (done.exit_code, said in done.output) == (code, True), done.output
