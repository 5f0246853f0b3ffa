"""A layout makes the paths of input, results and record."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pipeline.config import DataConfig, OutputConfig, load_config
from pipeline.dataset import Layout
from pipeline.dataset.formats import RESULT_FORMATS, ResultFormat
from pipeline.errors import ConfigError
from pipeline.records import FrameRef

FRAME = FrameRef("scene_0000", "frame_000000.jpg", "frame_000000.jpg.pth")


def test_defaults() -> None:
    layout = Layout(Path("scans"), DataConfig(), OutputConfig())
    assert layout.image_path(FRAME) == Path("scans/scene_0000/images/frame_000000.jpg")
    assert layout.ids_path(FRAME) == Path("scans/scene_0000/obj_ids/frame_000000.jpg.pth")
    assert layout.output_path(FRAME) == Path("scans/scene_0000/obj_ids_refine/frame_000000.jpg.pth")
    assert layout.fix_path(FRAME) == Path("scans/scene_0000/obj_ids_fixed/frame_000000.jpg.pth")
    assert layout.record.folder == Path("scans/autorefiner")


def test_settings() -> None:
    layout = Layout(
        Path("scans"),
        DataConfig(images_dir="rgb", ids_dir="labels"),
        OutputConfig(dir="refined", root=Path("elsewhere"), format="png"),
    )
    assert layout.image_path(FRAME) == Path("scans/scene_0000/rgb/frame_000000.jpg")
    assert layout.ids_path(FRAME) == Path("scans/scene_0000/labels/frame_000000.jpg.pth")
    assert layout.output_path(FRAME) == Path("elsewhere/scene_0000/refined/frame_000000.jpg.png")
    assert layout.record.folder == Path("elsewhere/autorefiner")


@pytest.mark.parametrize(("output_format", "form"), RESULT_FORMATS.items())
def test_the_suffix_is_appended(output_format: str, form: ResultFormat) -> None:
    layout = Layout(Path(), DataConfig(), OutputConfig(format=output_format))
    name = layout.output_path(FrameRef("s", "a.b.jpg", "a.b.pth")).name
    assert name == f"a.b.jpg{form.suffix}"


@pytest.mark.parametrize(
    ("data", "output"),
    [
        (DataConfig(), OutputConfig(dir="obj_ids")),
        (DataConfig(), OutputConfig(dir="images")),
        (DataConfig(), OutputConfig(dir="OBJ_IDS", root=Path("elsewhere"))),
        (DataConfig(images_dir="obj_ids"), OutputConfig()),
        (DataConfig(), OutputConfig(fixes_dir="obj_ids")),
        (DataConfig(), OutputConfig(fixes_dir="images")),
        (DataConfig(), OutputConfig(fixes_dir="Obj_ids_refine")),
    ],
)
def test_results_never_go_where_input_lies(data: DataConfig, output: OutputConfig) -> None:
    with pytest.raises(ConfigError, match="four different folders"):
        Layout(Path("scans"), data, output)


@pytest.mark.parametrize("name", ["autorefiner", "obj_ids_refine.zarr"])
def test_fixes_never_go_into_record_or_mirror(name: str) -> None:
    with pytest.raises(ConfigError, match=r"output\.fixes_dir"):
        Layout(Path("scans"), DataConfig(), OutputConfig(fixes_dir=name))


@pytest.mark.parametrize(
    ("data", "output"),
    [
        ({"images": "rgb/{scene}/{frame}", "ids": "obj_ids_fixed/{scene}/{frame}"}, {}),
        ({"images": "obj_ids_fixed/{scene}/{frame}", "ids": "ids/{scene}/{frame}"}, {}),
        (
            {"images": "rgb/{scene}/{frame}.jpg", "ids": "ids/{scene}/{frame}"},
            {"path": "obj_ids_fixed/{scene}/{frame}"},
        ),
        ({}, {"path": "{scene}/obj_ids_fixed/{frame}"}),
        ({"images": "rgb/{scene}/{frame}", "ids": "ids/{scene}/{frame}"}, {"dir": "obj_ids_fixed"}),
    ],
)
def test_patterns_never_lead_to_fixes(data: dict[str, str], output: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"output\.fixes_dir|expected results where no input"):
        Layout(Path("scans"), DataConfig(**data), OutputConfig(**output))


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


def test_folders_several_deep_are_told_by_patterns() -> None:
    with pytest.raises(ConfigError, match=r"data\.images, data\.ids and output\.path"):
        load_config({"data": {"images_dir": "dslr/images"}})


SCANNETPP = DataConfig(
    images="{scene}/dslr/images/{frame}.JPG", ids="obj_ids/{scene}/{frame}.JPG.pth"
)


@pytest.mark.parametrize(
    ("data", "output", "frame", "expected"),
    [
        (SCANNETPP, {}, ("s", "D1.JPG"), "obj_ids_refine/s/D1.JPG.pth"),
        (SCANNETPP, {"dir": "out"}, ("s", "D1.JPG"), "out/s/D1.JPG.pth"),
        (SCANNETPP, {"path": "out/{scene}/{frame}.pth"}, ("s", "D1.JPG"), "out/s/D1.pth"),
        (SCANNETPP, {"path": "{scene}/o/{frame}.JPG"}, ("s", "D1.JPG"), "s/o/D1.JPG.pth"),
        (
            SCANNETPP,
            {"path": "{scene}/o/{frame}_r", "format": "npy"},
            ("s", "D1.JPG"),
            "s/o/D1_r.npy",
        ),
        (DataConfig(), {"path": "r/{scene}/{frame}"}, ("s", "a.jpg"), "r/s/a.jpg.pth"),
        (
            DataConfig(images="{scene}/{c}/{frame}.jpg", ids="{scene}/ids_{c}/{frame}"),
            {},
            ("s", "left/1.jpg"),
            "s/obj_ids_refine/left/1.jpg.pth",
        ),
        (
            DataConfig(images="{scene}/{c}/{frame}.jpg", ids="{scene}/ids_{c}/{frame}"),
            {"path": "r/{scene}/{c}/{frame}"},
            ("s", "left/1.jpg"),
            "r/s/left/1.pth",
        ),
        (
            DataConfig(images="x/{scene}/rgb/{frame}", ids="x/{scene}/ids/{frame}"),
            {},
            ("s", "1.jpg"),
            "x/s/obj_ids_refine/1.jpg.pth",
        ),
    ],
)
def test_results_lie_as_ids_do_or_by_a_pattern(
    data: DataConfig, output: dict[str, str], frame: tuple[str, str], expected: str
) -> None:
    layout = Layout(Path("/data"), data, OutputConfig(**output))
    assert layout.output_path(FrameRef(*frame, "")) == Path("/data", expected)


@pytest.mark.parametrize(
    ("data", "output", "why"),
    [
        (SCANNETPP, {"dir": "obj_ids"}, "results where no input lies"),
        (SCANNETPP, {"dir": "OBJ_IDS"}, "results where no input lies"),
        (SCANNETPP, {"path": "obj_ids/{scene}/{frame}.JPG.pth"}, "results where no input lies"),
        (DataConfig(), {"path": "{scene}/images/{frame}"}, "results where no input lies"),
        (
            DataConfig(images="{scene}/rgb/{frame}", ids="{scene}/*/{frame}.npy"),
            {"format": "npy"},
            "results where no input lies",
        ),
        (SCANNETPP, {"path": "out/{scene}/all"}, "has no {frame}"),
        (SCANNETPP, {"path": "out/{scene}/{frame}.png"}, "ends in .pth"),
        (SCANNETPP, {"path": "out/{scene}/*_{frame}"}, "placeholders with names"),
        (SCANNETPP, {"path": "out/{scene}/{camera}/{frame}"}, "{scene}, {frame}"),
        (
            DataConfig(images="{scene}/{c}/{frame}.jpg", ids="{scene}/ids_{c}/{frame}"),
            {"path": "{scene}/r/{frame}"},
            "{scene}, {frame}, {c}",
        ),
    ],
)
def test_results_have_paths_of_their_own(
    data: DataConfig, output: dict[str, str], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        Layout(Path("/data"), data, load_config({"output": output}).output)


def test_results_elsewhere_may_lie_as_the_input_does(tmp_path: Path) -> None:
    same = OutputConfig(root=tmp_path / "out", path="obj_ids/{scene}/{frame}.JPG.pth")
    layout = Layout(tmp_path / "data", SCANNETPP, same)
    path = layout.output_path(FrameRef("s", "D1.JPG", ""))
    assert path == tmp_path / "out/obj_ids/s/D1.JPG.pth"
    (tmp_path / "data").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "data")
    with pytest.raises(ConfigError, match="results where no input lies"):
        Layout(tmp_path / "data", SCANNETPP, same)
