"""Ids above 65535 are numbered by scene, and keep their numbers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from distributed import Client

import pipeline
from pipeline.config import load_config
from pipeline.dataset import read_ids
from pipeline.errors import StorageError
from pipeline.run import numbering
from tests.proposers import inspect_frame, refine_dataset

MakeDataset = Callable[..., Path]
RENUMBER = {"data": {"renumber": True}}
LARGE = 10**6


@pytest.fixture
def root(make_dataset: MakeDataset) -> Path:
    """Return two scenes of three frames, with a million added to ids above 1."""
    root = make_dataset(scenes=2, frames=3)
    for path in root.glob("*/obj_ids/*.pth"):
        enlarge(path)
    return root


def enlarge(path: Path) -> None:
    ids = read_ids(path).astype(np.int64)
    torch.save(torch.from_numpy(np.where(ids > 1, ids + LARGE, ids)), path)


def table(root: Path, scene: str = "scene_0000") -> dict[int, int]:
    lines = (root / "autorefiner" / "numbers" / f"{scene}.csv").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert lines[1] == "id,number"
    return dict(tuple(map(int, line.split(","))) for line in lines[2:])


def results(root: Path) -> dict[str, bytes]:
    files = sorted(root.glob("*/obj_ids_refine/*"))
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


def test_results_hold_the_numbers_of_the_table(root: Path, inside_client: Client) -> None:
    summary = refine_dataset(root, RENUMBER, client=inside_client)
    assert summary.complete
    assert summary.paths["numbers"] == str(root / "autorefiner" / "numbers" / "<scene>.csv")
    for scene in ("scene_0000", "scene_0001"):
        numbers = table(root, scene)
        maps = [torch.load(path).numpy() for path in (root / scene / "obj_ids").iterdir()]
        assert numbers.keys() == {*np.unique(np.concatenate(maps)).tolist()} - {0}
        assert all(number == each for each, number in numbers.items() if each < LARGE)
        for path in (root / scene / "obj_ids_refine").iterdir():
            assert {*np.unique(read_ids(path)).tolist()} <= {0, *numbers.values()}


def test_the_workers_change_nothing(
    root: Path, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = root.with_name("other")
    shutil.copytree(root, other)
    refine_dataset(root, RENUMBER, client=inside_client)
    monkeypatch.setattr(numbering, "FRAMES_IN_A_TASK", 1)
    refine_dataset(other, RENUMBER, client=inside_client)
    assert table(root) == table(other)
    assert results(root) == results(other)


def test_an_added_frame_gets_new_numbers_and_changes_none(
    root: Path, inside_client: Client
) -> None:
    scene = root / "scene_0000"
    held_back = root.with_name("held back")
    held_back.mkdir()
    for path in (*scene.glob("images/*2.jpg"), *scene.glob("obj_ids/*2.jpg.pth")):
        path.rename(held_back / path.name)
    added = torch.load(next(held_back.glob("*.pth")))
    torch.save(torch.where(added == 1, LARGE - 5, added), next(held_back.glob("*.pth")))
    refine_dataset(root, RENUMBER, client=inside_client)
    numbers, made = table(root), results(root)
    again = refine_dataset(root, RENUMBER, client=inside_client)
    assert (again.processed, table(root), results(root)) == (0, numbers, made)
    for path in held_back.iterdir():
        path.rename(scene / ("obj_ids" if path.suffix == ".pth" else "images") / path.name)
    summary = refine_dataset(root, RENUMBER, client=inside_client)
    assert (summary.processed, summary.complete) == (1, True)
    assert table(root).items() > numbers.items()
    assert results(root).items() > made.items()


def test_results_of_a_lost_table_are_made_anew(root: Path, inside_client: Client) -> None:
    refine_dataset(root, RENUMBER, client=inside_client)
    numbers = table(root)
    (root / "autorefiner" / "numbers" / "scene_0000.csv").unlink()
    summary = refine_dataset(root, RENUMBER, client=inside_client)
    assert (summary.processed, summary.complete) == (3, True)
    assert table(root) == numbers
    (root / "autorefiner" / "journal.jsonl").unlink()
    assert refine_dataset(root, RENUMBER, client=inside_client).processed == 0


def test_without_the_setting_the_error_names_it(root: Path, inside_client: Client) -> None:
    summary = refine_dataset(root, client=inside_client)
    assert summary.total.failed == 6
    assert all(
        "data.renumber=true" in str(group.as_dict() if hasattr(group, "as_dict") else group)
        for group in summary.failures.values()
    )
    assert not (root / "autorefiner" / "numbers").exists()
    assert refine_dataset(root, RENUMBER, client=inside_client).complete


def test_a_scene_of_too_many_ids_is_named_and_the_others_are_done(
    root: Path, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.dataset.numbers.LARGEST_ID", 2)
    summary = refine_dataset(root, RENUMBER, client=inside_client)
    assert "at most" in str(summary.problems["too many ids"])
    assert summary.total.failed == 6
    assert not (root / "autorefiner" / "numbers").exists()


def test_a_map_that_cannot_be_read_fails_alone(root: Path, inside_client: Client) -> None:
    (root / "scene_0000" / "obj_ids" / "frame_000001.jpg.pth").write_bytes(b"nothing")
    summary = refine_dataset(root, RENUMBER, client=inside_client)
    assert (summary.total.failed, summary.total.done) == (1, 5)


def test_a_table_is_not_written_through_a_link(
    root: Path, inside_client: Client, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "autorefiner").mkdir()
    (root / "autorefiner" / "numbers").symlink_to(elsewhere)
    with pytest.raises(StorageError, match="found a link"):
        refine_dataset(root, RENUMBER, client=inside_client)
    assert not [*elsewhere.iterdir()]


def test_one_frame_under_the_lens_has_the_numbers_of_the_run(
    root: Path, inside_client: Client
) -> None:
    image = root / "scene_0000" / "images" / "frame_000001.jpg"
    fresh = inspect_frame(image, config=RENUMBER)
    assert fresh.coarse_ids.max() < LARGE
    refine_dataset(root, RENUMBER, client=inside_client)
    view = inspect_frame(image, config=RENUMBER)
    made = read_ids(root / "scene_0000" / "obj_ids_refine" / "frame_000001.jpg.pth")
    np.testing.assert_array_equal(view.refinement.ids, made)


def test_coarse_maps_are_read_by_the_table_wherever_they_are_looked_at(
    root: Path, inside_client: Client
) -> None:
    config = load_config({**RENUMBER, "output": {"mirror": True}})
    refine_dataset(root, config, client=inside_client)
    for statistics in pipeline.compute_statistics(root, config, inside_client):
        numbers = table(root, statistics.scene)
        assert {*statistics.ids.tolist()} <= {0, *numbers.values()}
    evaluation = pipeline.evaluate(root, "obj_ids", config)
    assert not evaluation.unscored
