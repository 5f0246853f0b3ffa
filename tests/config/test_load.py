from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Config, load_config
from pipeline.errors import ConfigError


def test_a_mapping_a_file_and_a_config_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("model:\n  name: demo\nrun:\n  partition_size: 3\n")
    from_mapping = load_config({"model": {"name": "demo"}, "run": {"partition_size": 3}})
    assert load_config(file) == load_config(str(file)) == from_mapping == load_config(from_mapping)


def test_overrides_come_last_and_are_read_as_yaml() -> None:
    config = load_config(
        {"run": {"partition_size": 3}}, ["run.partition_size=5", "cluster.workers=null"]
    )
    assert config.run.partition_size == 5
    assert config.cluster.workers is None


def test_a_file_name_is_a_model_name() -> None:
    assert (
        load_config({"model": {"name": "sam2.1_hiera_tiny.pt"}}).model.name == "sam2.1_hiera_tiny"
    )


def test_a_section_without_settings_is_the_default_one(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("model:\n  # name: demo\n")
    assert load_config(file) == load_config()


def test_all_wrong_settings_are_named_at_once_with_what_is_allowed() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(
            {
                "model": {"nmae": "demo", "device": "tpu"},
                "run": {"partition_size": 0},
                "refinement": {"iou_threshold": 1.5},
                "tuning": {},
            }
        )
    text = str(caught.value)
    assert "5 wrong setting(s)" in text
    for part in (
        "model.nmae: unknown setting; known here: name, config",
        "model.device",
        "'cuda'",
        "'tpu'",
        "run.partition_size",
        "greater than or equal to 1",
        "refinement.iou_threshold",
        "less than or equal to 1",
        "tuning: unknown setting; known here: data, model",
    ):
        assert part in text


@pytest.mark.parametrize(
    "tree",
    [
        {"run": {"partition_size": "16"}},
        {"run": {"partition_size": True}},
        {"model": {"compile": "yes"}},
        {"refinement": {"iou_threshold": float("nan")}},
        {"data": {"images_dir": "../elsewhere"}},
        {"data": {"images_dir": ""}},
        {"output": {"dir": "a/b"}},
        {"model": []},
    ],
)
def test_wrong_types_are_refused_not_converted(tree: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        load_config(tree)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("- a\n- b\n", "found a list"),
        ("model: [", "cannot be read as a YAML config"),
        ("model: !!python/object/apply:os.system ['touch pwned']", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_file_that_is_no_config_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, part: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=part) as caught:
        load_config(file)
    assert str(file) in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    "override", ["run.partition_size", "partition_size=3", "=", ".=1", "a.b=["]
)
def test_an_override_without_section_key_and_value_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        load_config(None, [override])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*Config.model_fields, "x"]), JSON))
def test_whatever_is_given_is_a_config_or_a_config_error(tree: dict[str, Any]) -> None:
    try:
        config = load_config(tree)
    except ConfigError as error:
        assert "wrong setting" in str(error)
    else:
        assert load_config(config) == config


def test_a_config_of_nothing_but_mistakes_fits_on_a_screen(tmp_path: Path) -> None:
    tree = {"run": {f"setting_{number}": "x" * 10_000 for number in range(500)}}
    tree["model"] = {"name": ["demo"] * 10_000, "\x1b[2J": 1, "device": "y" * 10_000}
    with pytest.raises(ConfigError) as caught:
        load_config(tree)
    text = str(caught.value)
    assert "503 wrong setting(s)" in text
    assert "and 403 more" in text
    assert len(text) < 40_000
    assert "\x1b" not in text


def test_a_value_that_refers_to_itself_a_billion_times_is_an_error() -> None:
    value: list[Any] = ["x"]
    for _ in range(100):
        value = [value] * 10
    with pytest.raises(ConfigError, match=r"model\.name"):
        load_config({"model": {"name": value}})


def test_powers_of_ten_are_numbers() -> None:
    assert load_config(None, ["refinement.iou_threshold=1e-1"]).refinement.iou_threshold == 0.1


ODD_NAMES = (
    *("5942004064", "0123456701", "12345e6789", "1234567e01", "0012345678", "1_000", "0x10"),
    *("12:30:45", "null", "true", "2024-01-01", "~", "*", "room_*"),
)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_scene_names_are_text_whatever_yaml_thinks(tmp_path, name: str) -> None:
    assert load_config(None, [f"data.scenes={name}"]).data.scenes == (name,)
    assert load_config({"data": {"scenes": [name]}}).data.scenes == (name,)
    if "*" not in name:
        file = tmp_path / "c.yaml"
        file.write_text(f"data:\n  scenes: [{name}, 7]\n")
        assert load_config(file).data.scenes == (name, "7")
        assert load_config(None, [f"data.scenes=[{name}, 'x']"]).data.scenes == (name, "x")


@pytest.mark.parametrize("scenes", [5942004064, [1234567e01], [None], ["a", 7], True])
def test_numbers_that_lost_their_text_are_refused(scenes) -> None:
    with pytest.raises(ConfigError, match=r"data.scenes: a scene's name has to be text.*quotes"):
        load_config({"data": {"scenes": scenes}})


def test_folders_are_text_too() -> None:
    assert load_config(None, ["output.dir=2024"]).output.dir == "2024"
