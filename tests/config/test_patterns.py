"""Path patterns are parsed, matched and compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import load_config
from pipeline.config.patterns import match_name, may_meet, parse_pattern, pattern_of_folder
from pipeline.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{scene}/images/x.jpg", "has no {frame}"),
        ("images/{frame}.jpg", r"no folder with {scene}"),
        ("images/{scene}_{frame}.jpg", r"no folder with {scene}"),
        ("/data/{scene}/{frame}", "no path below the data root"),
        ("~/{scene}/{frame}", "no path below the data root"),
        ("../{scene}/{frame}", "no path below the data root"),
        ("{scene}//{frame}", "no path below the data root"),
        ("{scene}/{frame}/", "no path below the data root"),
        ("{scene}\\{frame}", "no path below the data root"),
        ("${scene}/{frame}", "without '\\$'"),
        ("{scene}/{camera}{frame}.jpg", "side by side"),
        ("{scene}/{Frame}/{frame}", "belongs to no placeholder"),
        ("{scene}/{frame", "belongs to no placeholder"),
        ("{scene}/{a}_{b}_{c}_{frame}", "more than 3"),
        ("{scene}/" + "x" * 1000 + "{frame}", "at most 1000"),
    ],
)
def test_what_is_no_pattern_is_refused_when_settings_are_read(text: str, why: str) -> None:
    for setting in ("data.images", "data.ids", "output.path"):
        with pytest.raises(ConfigError, match=why) as caught:
            load_config(None, [f"{setting}={text}"])
        assert setting in str(caught.value)


def test_a_pattern_needs_no_quotes_on_the_command_line() -> None:
    config = load_config(None, ["data.images={scene}/rgb/*_{frame}.jpg", "data.ids=null"])
    assert config.data.images == "{scene}/rgb/*_{frame}.jpg"
    assert config.data.ids is None
    quoted = load_config(None, ["data.images='{scene}/rgb/{frame}'"])
    assert quoted.data.images == "{scene}/rgb/{frame}"


def test_a_pattern_without_quotes_in_a_file_is_explained(tmp_path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("data:\n  images: {scene}/rgb/{frame}\n")
    with pytest.raises(ConfigError, match=r"begins with \{ or \* needs quotes"):
        load_config(file)


@pytest.mark.parametrize(
    ("text", "folder", "suffix"),
    [
        ("{scene}/images/{frame}", "s/images/", ""),
        ("obj_ids/{scene}/{frame}.JPG.pth", "obj_ids/s/", ".pth"),
        ("{scene}/images/scene_{camera}_preview/frame.{frame}.jpg", "s/images/", ".jpg"),
        ("{split}/{scene}/{frame}.png", "", ".png"),
        ("x/scan_{scene}/rgb/{frame:d}.color", "x/scan_s/rgb/", ""),
        ("{scene}/{frame}/rgb.png", "s/", ".png"),
    ],
)
def test_folders_that_are_known_once_the_scene_is(text: str, folder: str, suffix: str) -> None:
    pattern = parse_pattern(text)
    assert pattern.folder("s") == folder
    assert pattern.suffix == suffix


def test_names_of_folders_are_taken_as_they_are() -> None:
    pattern = pattern_of_folder("a{b}*")
    assert pattern.folder("s") == "s/a{b}*/"
    assert pattern.is_whole_folder


@pytest.mark.parametrize(
    ("part", "name", "values"),
    [
        ("frame-{frame:d}.color.jpg", "frame-000007.color.jpg", {"frame": "000007"}),
        ("frame-{frame:d}.color.jpg", "frame-000007.rendered.color.jpg", None),
        ("{frame}.JPG", "a.b.JPG", {"frame": "a.b"}),
        ("{frame}.JPG", "a.jpg", None),
        ("{frame}.JPG", ".JPG", None),
        ("cam{camera}_{frame}", "cam1_2", {"camera": "1", "frame": "2"}),
        ("*_{frame}", "left_2", {"frame": "2"}),
        ("{frame:d}", "٣", None),
        ("{frame}", "a\nb", {"frame": "a\nb"}),
    ],
)
def test_names(part: str, name: str, values: dict[str, str] | None) -> None:
    [*_, last] = parse_pattern(f"{{scene}}/{part}").parts
    assert match_name(last, name, {}) == values


def test_a_placeholder_that_comes_twice_has_one_value() -> None:
    [*_, last] = parse_pattern("{scene}/{scene}_{frame}.png").parts
    assert match_name(last, "room_1.png", {"scene": "room"}) == {"scene": "room", "frame": "1"}
    assert match_name(last, "hall_1.png", {"scene": "room"}) is None


@given(st.text(st.sampled_from("aB.-_0"), min_size=4, max_size=9), st.data())
def test_patterns_that_share_a_path_are_found_to_meet(name: str, data: st.DataObject) -> None:
    def cut(name: str) -> str:
        """Replace some characters by a placeholder."""
        start = data.draw(st.integers(0, len(name) - 1))
        end = data.draw(st.integers(start + 1, len(name)))
        return f"{name[:start]}{data.draw(st.sampled_from(['{camera}', '*']))}{name[end:]}"

    one, other = (
        parse_pattern(f"{{scene}}/{{frame}}/{cut(each)}").parts for each in (name, name.swapcase())
    )
    assert match_name(one[-1], name, {}) is not None
    assert may_meet(one, other)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("{scene}/images/{frame}", "{scene}/Images/{frame}.pth", True),
        ("{scene}/images/{frame}", "{scene}/obj_ids_refine/{frame}.pth", False),
        ("{scene}/*/{frame}.png", "{scene}/refined/{frame}.png", True),
        ("{scene}/*/{frame}.png", "{scene}/refined/{frame}.pth", False),
        ("{scene}/images/{frame}", "refined/{scene}/{frame}", False),
        ("{scene}/{frame}.png", "refined/{scene}/{frame}.png", False),
        ("{scene}/{frame}.ids.png", "{scene}/{frame}.refined.png", False),
    ],
)
def test_meeting(one: str, other: str, meet: bool) -> None:
    assert may_meet(parse_pattern(one).parts, parse_pattern(other).parts) is meet
