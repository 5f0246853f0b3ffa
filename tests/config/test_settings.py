from __future__ import annotations

import re

import pytest

from pipeline.config import Config, load_config
from pipeline.errors import ConfigError


def test_defaults_are_the_documented_ones() -> None:
    config = load_config()
    assert config == Config()
    assert config.model.name == "sam2.1_hiera_large"
    assert config.output.dir == "obj_ids_refine"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_config().run.partition_size = 3  # type: ignore[misc]


SHAPING = [
    ("proposals.mode", "grid", "guided"),
    ("refinement.iou_threshold", 0.4, 0.2),
    ("output.format", "png", "npy"),
]


NOT_SHAPING = [
    ("run.partition_size", 3),
    ("cluster.workers", 7),
    ("data.max_scenes", 2),
    ("model.device", "cpu"),
    ("proposals.points_per_batch", 3),
    ("output.root", "elsewhere"),
]


@pytest.mark.parametrize(("key", "value", "other"), SHAPING)
def test_the_fingerprint_covers_what_shapes_results(key: str, value: object, other: object) -> None:
    one = load_config(None, [f"{key}={value}"]).fingerprint("weights")
    two = load_config(None, [f"{key}={other}"]).fingerprint("weights")
    assert one != two


@pytest.mark.parametrize(("key", "value"), NOT_SHAPING)
def test_the_fingerprint_covers_nothing_else(key: str, value: object) -> None:
    changed = load_config(None, [f"{key}={value}"])
    assert changed != load_config()
    assert changed.fingerprint("weights") == load_config().fingerprint("weights")


def test_other_weights_are_other_results() -> None:
    assert load_config().fingerprint("a") != load_config().fingerprint("b")


def test_a_notebook_shows_every_setting_and_what_is_not_the_default() -> None:
    shown = load_config({"data": {"ids_dir": "<b>"}})._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "obj_ids" in shown
    for section, part in Config().model_dump().items():
        assert all(f"{section}.{key}" in shown for key in part)


@pytest.mark.parametrize("mirror", [True, False, "ids.zarr", "s3://bucket/ids.zarr"])
def test_a_mirror_is_a_switch_a_path_or_a_url(mirror: object) -> None:
    assert load_config({"output": {"mirror": mirror}}).output.mirror == mirror


@pytest.mark.parametrize("mirror", ["", 1, 1.0, None, ["x"]])
def test_anything_else_is_no_mirror(mirror: object) -> None:
    with pytest.raises(ConfigError, match=r"output\.mirror"):
        load_config({"output": {"mirror": mirror}})


def test_changes_are_what_is_not_the_default() -> None:
    assert Config().changes() == {}
    config = load_config({"model": {"name": "demo"}, "run": {"partition_size": 3}})
    assert config.changes() == {"model.name": "demo", "run.partition_size": 3}


@pytest.mark.parametrize("key", ["memory_limit", "slurm_memory"])
@pytest.mark.parametrize(
    ("size", "meant"),
    [(16, "'16GB'"), ("16", "'16GB'"), (1.5, "'1.5GB'"), (64_000_000_000, "'64000000000B'")],
)
def test_a_size_without_unit_is_refused_and_says_what_may_be_meant(
    key: str, size: object, meant: str
) -> None:
    with pytest.raises(ConfigError, match=rf"cluster\.{key}.*needs a unit.*{re.escape(meant)}"):
        load_config({"cluster": {key: size}})


@pytest.mark.parametrize("size", ["16GB", "16 GiB", "1e9B", "auto"])
def test_a_size_with_unit_is_taken(size: str) -> None:
    assert load_config({"cluster": {"memory_limit": size}}).cluster.memory_limit == size


FINGERPRINT = "4cdb78b600f3d99d"
"""Of the defaults before there was a second pass; RESULTS_VERSION or another default changes it."""

OF_THE_SCENE = [
    ("scene.neighbours", 3),
    ("scene.window", 5),
    ("scene.poses", "cameras.json"),
    ("scene.poses", "null"),
    ("scene.depth", "null"),
    ("scene.depth_unit", 0.0002),
]


def test_a_second_pass_to_come_left_the_results_of_one_pass_as_they_were() -> None:
    assert load_config().fingerprint("weights") == FINGERPRINT


@pytest.mark.parametrize(("key", "value"), OF_THE_SCENE)
def test_settings_of_a_scene_shape_results_of_two_passes_only(key: str, value: object) -> None:
    one, two = load_config(None, [f"{key}={value}"]), load_config(None, ["scene.passes=2"])
    assert one.fingerprint("weights") == load_config().fingerprint("weights")
    both = load_config(None, ["scene.passes=2", f"{key}={value}"])
    assert both.fingerprint("weights") != two.fingerprint("weights")
    assert both.first_pass.fingerprint("weights") == one.fingerprint("weights")


def test_two_passes_are_other_results_and_begin_with_those_of_one() -> None:
    words = ["refinement.min_agreement=0.5"]
    one, two = load_config(None, words), load_config(None, [*words, "scene.passes=2"])
    assert two.fingerprint("weights") != one.fingerprint("weights")
    assert two.first_pass == one


@pytest.mark.parametrize("passes", [0, 3, 1.5, "two"])
def test_there_are_one_or_two_passes(passes: object) -> None:
    with pytest.raises(ConfigError, match=r"scene\.passes"):
        load_config({"scene": {"passes": passes}})


def test_neighbours_are_as_many_as_a_result_can_name() -> None:
    assert load_config({"scene": {"neighbours": 32}}).scene.neighbours == 32
    with pytest.raises(ConfigError, match=r"scene\.neighbours"):
        load_config({"scene": {"neighbours": 33}})
