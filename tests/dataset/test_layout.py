"""Names become paths in one place."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pipeline.config import DataConfig, OutputConfig, load_config
from pipeline.dataset import Layout
from pipeline.errors import ConfigError
from pipeline.records import FrameRef

FRAME = FrameRef("scene_0000", "frame_000000.jpg", "frame_000000.jpg.pth")


def test_defaults() -> None:
    layout = Layout(Path("scans"), DataConfig(), OutputConfig())
    assert layout.image_path(FRAME) == Path("scans/scene_0000/images/frame_000000.jpg")
    assert layout.ids_path(FRAME) == Path("scans/scene_0000/obj_ids/frame_000000.jpg.pth")
    assert layout.output_path(FRAME) == Path("scans/scene_0000/obj_ids_refine/frame_000000.jpg.pth")
    assert layout.record_dir == Path("scans/autorefiner")


def test_settings() -> None:
    layout = Layout(
        Path("scans"),
        DataConfig(images_dir="rgb", ids_dir="labels"),
        OutputConfig(dir="refined", root=Path("elsewhere"), format="png"),
    )
    assert layout.image_path(FRAME) == Path("scans/scene_0000/rgb/frame_000000.jpg")
    assert layout.ids_path(FRAME) == Path("scans/scene_0000/labels/frame_000000.jpg.pth")
    assert layout.output_path(FRAME) == Path("elsewhere/scene_0000/refined/frame_000000.jpg.png")
    assert layout.record_dir == Path("elsewhere/autorefiner")


@pytest.mark.parametrize(
    ("output_format", "name"),
    [
        ("pth", "a.b.jpg.pth"),
        ("pth-numpy", "a.b.jpg.pth"),
        ("npy", "a.b.jpg.npy"),
        ("png", "a.b.jpg.png"),
    ],
)
def test_the_suffix_is_appended(output_format: str, name: str) -> None:
    layout = Layout(Path(), DataConfig(), OutputConfig(format=output_format))
    assert layout.output_path(FrameRef("s", "a.b.jpg", "a.b.pth")).name == name


@pytest.mark.parametrize(
    ("data", "output"),
    [
        (DataConfig(), OutputConfig(dir="obj_ids")),
        (DataConfig(), OutputConfig(dir="images")),
        (DataConfig(), OutputConfig(dir="OBJ_IDS", root=Path("elsewhere"))),
        (DataConfig(images_dir="obj_ids"), OutputConfig()),
    ],
)
def test_results_never_go_where_input_lies(data: DataConfig, output: OutputConfig) -> None:
    with pytest.raises(ConfigError, match="three different folders"):
        Layout(Path("scans"), data, output)


def test_travels_in_few_bytes() -> None:
    layout = Layout(Path("/scans"), DataConfig(), OutputConfig())
    sent = pickle.dumps(layout)
    assert pickle.loads(sent) == layout
    assert len(sent) < 1_000


@pytest.mark.parametrize("setting", ["output.dir", "data.images_dir", "data.ids_dir"])
@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "a\\b"])
def test_folders_stay_inside_the_scene(setting: str, name: str) -> None:
    with pytest.raises(ConfigError, match=setting):
        load_config(None, [f"{setting}='{name}'"])


def test_one_scene_needs_no_list() -> None:
    assert load_config(None, ["data.scenes=room_*"]).data.scenes == ("room_*",)
    assert load_config(None, ["data.scenes=[a, b]"]).data.scenes == ("a", "b")
