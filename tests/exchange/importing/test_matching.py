from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.dataset import Layout
from pipeline.exchange.exported_frames import lay_out
from pipeline.exchange.importing.matching import FrameIndex
from pipeline.records import FrameRef


def index(*frames: tuple[str, str]) -> FrameIndex:
    config = load_config()
    layout = Layout(Path("/data"), config.data, config.output)
    return FrameIndex(lay_out([FrameRef(s, i, "") for s, i in frames], layout))


TWO = index(("kitchen", "f1.jpg"), ("kitchen", "f2.jpg"), ("hall", "f1.jpg"))


@pytest.mark.parametrize(
    "name",
    [
        "kitchen/images/f2.jpg",
        "kitchen/f2.jpg",
        "kitchen/f2.png",
        "kitchen/f2.jpg.png",
        "kitchen\\f2.json",
        "instances/kitchen/f2.png",
        "/somebody/else/kitchen/images/f2.jpg",
        "./../kitchen/f2",
    ],
)
def test_names_that_exports_and_people_give(name: str) -> None:
    found = TWO.find(name)
    assert found is not None
    assert (found.frame.scene, found.frame.image) == ("kitchen", "f2.jpg")


@pytest.mark.parametrize("name", ["f2.jpg", "cellar/f2.jpg", "kitchen/f3.jpg", "kitchen", "", "/"])
def test_names_that_say_too_little_fit_nothing(name: str) -> None:
    assert TWO.find(name) is None


def test_a_scene_that_is_said_apart_or_is_the_only_one_helps() -> None:
    found = TWO.find("f1.jpg", "hall")
    assert found is not None
    assert found.frame.scene == "hall"
    assert TWO.find("f1.jpg", "cellar") is None
    assert index(("hall", "f1.jpg")).find("f1.png") is not None


def test_of_two_that_fit_the_whole_name_wins() -> None:
    both = index(("a", "x.jpg"), ("a", "x.jpg.png"), ("a", "x.png"))
    assert both.find("a/x") is None
    for name in ("x.jpg", "x.jpg.png", "x.png"):
        found = both.find(f"a/{name}")
        assert found is not None
        assert found.frame.image == name
