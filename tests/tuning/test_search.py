"""Settings tried on drawn rooms, with the tiny SAM 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from distributed import Client

import pipeline
from pipeline.config import Config, load_config
from pipeline.dataset import discover, read_pair
from pipeline.demo.write import write_demo_dataset
from pipeline.errors import ConfigError, DatasetError
from pipeline.record.opening import open_dataset
from pipeline.sam import proposer
from pipeline.tuning import Tuning
from pipeline.tuning.candidates import make_candidates
from tests.fixing import fix_frame

MakeDataset = Callable[..., Path]
DEMO = {"model": {"name": "demo"}, "proposals": {"rounds": 1}}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rooms")
    write_demo_dataset(root, 2, 2, (200, 150), seed=9, severity=1.0)
    return root


def labels(tuning: Tuning) -> list[str]:
    return [ranked.candidate.label for ranked in tuning.ranked]


def test_the_settings_that_made_the_truth_are_found(rooms: Path, inside_client: Client) -> None:
    made_with = load_config(DEMO, ["refinement.unclaimed=nearest", "refinement.min_agreement=0.7"])
    for image in rooms.glob("*/images/*"):
        scene = image.parent.parent
        pixels, coarse = read_pair(image, scene / "obj_ids" / f"{image.name}.pth")
        (scene / "planted").mkdir(exist_ok=True)
        ids = pipeline.refine_frame(pixels, coarse, made_with).ids
        np.save(scene / "planted" / f"{image.name}.npy", ids.astype(np.int32))
    grid = {
        "refinement.unclaimed": ["zero", "nearest", "coarse"],
        "refinement.min_agreement": [0.2, 0.7, 0.95],
    }
    tuning = pipeline.tune(rooms, grid, DEMO, truth="planted", client=inside_client)
    assert tuning.best == made_with
    assert tuning.ranked[0].iou == 1.0
    assert tuning.ranked[1].iou < 1.0
    assert len(tuning.ranked) == 10
    assert (tuning.frames, tuning.frames_with_truth) == (4, 4)


def test_fixes_rank_settings_on_fixed_frames_alone(rooms: Path, inside_client: Client) -> None:
    settings = load_config({**DEMO, "output": {"fixes_dir": "mended"}})
    made_with = load_config(settings, ["refinement.unclaimed=nearest"])
    with pytest.raises(DatasetError, match="no fix"):
        pipeline.tune(rooms, [{}], settings, truth="fixes", client=inside_client)
    layout = open_dataset(rooms, settings).layout
    frame = discover(rooms, settings.data).frames[2]
    pixels, coarse = read_pair(layout.image_path(frame), layout.ids_path(frame))
    fix_frame(layout, frame, pipeline.refine_frame(pixels, coarse, made_with).ids)
    grid = {"refinement.unclaimed": ["nearest", "coarse"]}
    tuning = pipeline.tune(rooms, grid, settings, truth="fixes", client=inside_client)
    assert (tuning.frames, tuning.frames_with_truth) == (1, 1)
    assert tuning.best == made_with
    assert tuning.ranked[0].iou == 1.0
    assert tuning.ranked[1].iou < 1.0


def test_believing_few_masks_is_worse_by_the_truth(rooms: Path, inside_client: Client) -> None:
    grid = {"refinement.min_agreement": [1.0]}
    tuning = pipeline.tune(rooms, grid, DEMO, client=inside_client)
    assert labels(tuning) == ["as given", "refinement.min_agreement=1.0"]
    assert tuning.ranked[0].iou > tuning.ranked[1].iou
    assert tuning.ranked[0].iou > tuning.coarse_iou


def test_without_a_truth_agreement_and_invalid_pixels_rank(
    rooms: Path, inside_client: Client
) -> None:
    grid = {"refinement.unclaimed": ["nearest"], "refinement.min_agreement": [0.4, 1.0]}
    tuning = pipeline.tune(rooms, grid, DEMO, truth="nowhere", client=inside_client, n_frames=2)
    assert tuning.frames_with_truth == 0
    assert labels(tuning)[0] == "refinement.unclaimed=nearest, refinement.min_agreement=0.4"
    assert tuning.ranked[0].invalid == 0
    assert "there is no truth" in tuning.as_text()
    assert "IoU" not in tuning.table().header


def test_an_image_is_encoded_once_whatever_is_tried(
    rooms: Path, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = {"encode": 0, "ask": 0}
    for name in ("encode", "_ask"):

        def counted(*args: object, name: str = name, real: object = getattr(proposer, name)):
            calls[name.strip("_")] += 1
            return real(*args)

        monkeypatch.setattr(proposer, name, counted)
    grid = {"refinement.min_agreement": [0.2, 0.6], "proposals.unlabelled_points_per_side": [0, 2]}
    pipeline.tune(rooms, grid, DEMO, n_frames=2, client=inside_client)
    # The five settings prompt SAM in three ways: as given, and by two kinds of grid.
    assert calls == {"encode": 2, "ask": 6}


def test_the_best_becomes_a_config_that_a_run_takes(
    rooms: Path, inside_client: Client, tmp_path: Path
) -> None:
    listed = [{"refinement": {"unclaimed": "coarse"}}]
    tuning = pipeline.tune(rooms, listed, DEMO, n_frames=1, client=inside_client)
    tuning.save(tmp_path / "tuned.yaml")
    assert load_config(tmp_path / "tuned.yaml") == tuning.best
    assert "best of 2 settings on 1 frame(s)" in (tmp_path / "tuned.yaml").read_text()


def test_a_frame_that_cannot_be_read_is_named_and_the_others_decide(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=2)
    torn = root / "scene_0000" / "images" / "frame_000000.jpg"
    torn.write_bytes(torn.read_bytes()[:300])
    tuning = pipeline.tune(root, [{}], DEMO, client=inside_client)
    assert tuning.frames == 1
    assert "frame_000000.jpg" in tuning.problems[0]
    assert "left out: scene_0000/frame_000000.jpg" in tuning.as_text()
    second = torn.with_name("frame_000001.jpg")
    second.write_bytes(second.read_bytes()[:300])
    with pytest.raises(DatasetError, match="no frame can be used"):
        pipeline.tune(root, [{}], DEMO, client=inside_client)


def test_a_grid_is_every_combination_and_a_list_each_once() -> None:
    grid = {"refinement.min_agreement": [0.1, 0.4], "proposals.rounds": [1, 2]}
    found = [candidate.label for candidate in make_candidates(grid, Config())]
    assert found == [
        "as given",
        "refinement.min_agreement=0.1, proposals.rounds=1",
        "refinement.min_agreement=0.1, proposals.rounds=2",
        "refinement.min_agreement=0.4, proposals.rounds=1",
    ]
    twice = [{"proposals": {"rounds": 1}}, {"proposals.rounds": 1}]
    assert len(make_candidates(twice, Config())) == 2


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"cluster.workers": [1]}, "shapes no ids"),
        ({"refinement": [1]}, "shapes no ids"),
        ({"refinement.min_agreement": [7.0]}, r"refinement\.min_agreement"),
        ({"refinement.nonsense": [1]}, "unknown setting"),
        ({"refinement.min_agreement": 0.3}, "expected a list of values"),
        ({"refinement.unclaimed": "zero"}, "expected a list of values"),
        ({"proposals.rounds": list(range(1, 1002))}, "1001 combinations"),
        (["proposals.rounds"], "expected a mapping"),
    ],
)
def test_what_cannot_be_tried_is_said_at_once(choices: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_candidates(choices, Config())
