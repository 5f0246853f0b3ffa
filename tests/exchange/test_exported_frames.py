from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.dataset import Layout
from pipeline.errors import DatasetError
from pipeline.exchange.exported_frames import ExportedFrame, lay_out, relative_link
from pipeline.records import FrameRef


def laid_out(*frames: tuple[str, str]) -> list[ExportedFrame]:
    config = load_config()
    layout = Layout(Path("/data"), config.data, config.output)
    refs = [FrameRef(scene, image, f"{image}.pth") for scene, image in frames]
    return [exported for scene in lay_out(refs, layout) for exported in scene]


def test_numbers_run_over_all_and_within_each_scene() -> None:
    found = laid_out(("a", "1.jpg"), ("a", "2.jpg"), ("b", "1.jpg"))
    numbers = [(each.scene_number, each.image_number, each.number) for each in found]
    assert numbers == [(1, 1, 0), (1, 2, 1), (2, 3, 0)]
    assert found[2].image_file == "b/images/1.jpg"
    tracks = {exported.track_number(object_id) for exported in found for object_id in (1, 65_535)}
    masks = {exported.mask_number(object_id) for exported in found for object_id in (1, 65_535)}
    assert (len(tracks), len(masks)) == (4, 6)


def test_names_are_without_suffix_where_that_is_clear() -> None:
    found = laid_out(("a", "x.jpg"), ("a", "x.png"), ("a", "y.tar.jpg"), ("b", "x.jpg"))
    assert [exported.name for exported in found] == ["x.jpg", "x.png", "y.tar", "x"]
    found = laid_out(("a", "x.jpg"), ("a", "x.jpg.png"))
    assert [exported.name for exported in found] == ["x", "x.jpg.png"]


@pytest.mark.parametrize(
    "frames",
    [
        [("a", "x.jpg"), ("A", "x.jpg")],
        [("a", "x.jpg"), ("a", "X.jpg")],
        [("../up", "x.jpg")],
        [("a", "../../x.jpg")],
        [("a", "b\\x.jpg")],
    ],
)
def test_names_that_collide_or_lead_away_are_refused(frames: list[tuple[str, str]]) -> None:
    with pytest.raises(DatasetError, match="expected"):
        laid_out(*frames)


def test_links_lead_from_a_folder_to_a_file(tmp_path: Path) -> None:
    link = relative_link(tmp_path / "scans" / "a.jpg", tmp_path / "out" / "labels")
    assert link == "../../scans/a.jpg"
