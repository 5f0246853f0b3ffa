from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import DataConfig, OutputConfig
from pipeline.config.settings import SceneConfig
from pipeline.dataset import Camera, Layout, write_ids
from pipeline.dataset.camera_files import cameras_as_json
from pipeline.dataset.fixes import Fix, digest_map, write_fix
from pipeline.dataset.layout import FirstPassLayout
from pipeline.dataset.provenance import OwnFiles
from pipeline.dataset.scene_files import MISSING, SceneFiles, scene_files
from pipeline.errors import IdMapError, ImageError
from pipeline.records import FrameRef
from tests.dataset.drawn_cameras import level_camera

N_FRAMES = 7
FRAMES = [FrameRef("s", f"{number}.png", f"{number}.png.npy") for number in range(N_FRAMES)]
SETTINGS = SceneConfig(passes=2, neighbours=2, window=2)
CHANGED = 3
USERS = {2, 3, 4}
"""The frames that use frame 3: itself, and the two whose neighbour it is."""


class Scene:
    """A scene of seven frames whose first pass is done; a frame has one neighbour on each side."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root, DataConfig(), OutputConfig())
        self.first = self.layout.first_pass
        for frame in FRAMES:
            self.layout.image_path(frame).parent.mkdir(parents=True, exist_ok=True)
            self.layout.image_path(frame).write_bytes(frame.image.encode())
            self.layout.ids_path(frame).parent.mkdir(parents=True, exist_ok=True)
            np.save(self.layout.ids_path(frame), np.ones((4, 6), np.int32))
            self.write_first(frame, 1)
            depth = self.layout.depth_folder("s", "depth")
            depth.mkdir(exist_ok=True)
            np.save(self.depth(frame), np.ones((2, 3), np.float32))
        self.write_cameras({})

    def depth(self, frame: FrameRef) -> Path:
        return self.layout.depth_folder("s", "depth") / f"{Path(frame.image).stem}.npy"

    def write_first(self, frame: FrameRef, object_id: int) -> None:
        ids = np.full((4, 6), object_id, np.uint16)
        write_ids(self.first.output_path(frame), ids, "png", {"settings": "f00d"})

    def write_cameras(self, changed: dict[int, Camera]) -> None:
        cameras = {
            frame.image: changed.get(number, level_camera(0.1 * number))
            for number, frame in enumerate(FRAMES)
        }
        path = self.layout.poses_path("s", "poses.json")
        path.write_text(cameras_as_json(cameras))

    def files(self, settings: SceneConfig = SETTINGS) -> SceneFiles:
        return scene_files(self.layout, settings, FRAMES)

    def stamps(self) -> list[object]:
        files = self.files()
        return [files.stamps(frame) for frame in FRAMES]

    def digests(self) -> list[str]:
        files = self.files()
        return [files.digest(frame) for frame in FRAMES]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "scans")


def differing(before: list, after: list) -> set[int]:
    return {k for k, (one, other) in enumerate(zip(before, after, strict=True)) if one != other}


def new_image(scene: Scene) -> None:
    scene.layout.image_path(FRAMES[CHANGED]).write_bytes(b"another")


def new_ids(scene: Scene) -> None:
    scene.write_first(FRAMES[CHANGED], 2)


def new_depth(scene: Scene) -> None:
    np.save(scene.depth(FRAMES[CHANGED]), np.full((2, 3), 2.0, np.float32))


def no_depth(scene: Scene) -> None:
    scene.depth(FRAMES[CHANGED]).unlink()


def new_camera(scene: Scene) -> None:
    scene.write_cameras({CHANGED: level_camera(0.1 * CHANGED, turn=0.01)})


@pytest.mark.parametrize("change", [new_image, new_ids, new_depth, no_depth, new_camera])
def test_what_changes_in_a_frame_is_noticed_by_it_and_its_neighbours_alone(
    scene: Scene, change: Callable[[Scene], None]
) -> None:
    stamps, digests = scene.stamps(), scene.digests()
    change(scene)
    assert differing(stamps, scene.stamps()) == USERS
    assert differing(digests, scene.digests()) == USERS


def test_a_fix_counts_for_neighbours_and_not_for_its_own_frame(scene: Scene) -> None:
    stamps, digests = scene.stamps(), scene.digests()
    frame = FRAMES[CHANGED]
    made = "2026-05-04T10:11:12+00:00"
    fix = Fix(
        np.full((4, 6), 9, np.uint16), "Kim", made, digest_map(scene.first.output_path(frame))
    )
    write_fix(scene.layout, frame, fix, None)
    # The fix reaches as far as the window, its frame's own neighbours no farther than before.
    reached = {1, 2, 4, 5}
    assert differing(stamps, scene.stamps()) == reached
    assert differing(digests, scene.digests()) == reached
    files = scene.files()
    assert files.neighbours(FRAMES[1])[0] == frame
    assert frame not in files.neighbours(FRAMES[0])
    first = scene.first.output_path(frame)
    assert files.ids_path(frame, FRAMES[2]) == files.ids_path(frame, frame) == first
    first.unlink()
    assert files.ids_path(frame, FRAMES[2]) == scene.layout.fix_path(frame)
    assert files.ids_path(frame, frame) == first


def test_coarse_ids_count_for_their_own_frame_and_through_the_first_pass_for_others(
    scene: Scene,
) -> None:
    digests = scene.digests()
    np.save(scene.layout.ids_path(FRAMES[CHANGED]), np.full((4, 6), 5, np.int32))
    assert differing(digests, scene.digests()) == {CHANGED}


def test_a_new_time_alone_changes_stamps_and_no_digest(scene: Scene) -> None:
    stamps, digests = scene.stamps(), scene.digests()
    os.utime(scene.layout.image_path(FRAMES[CHANGED]), ns=(1, 1))
    assert differing(stamps, scene.stamps()) == USERS
    assert scene.digests() == digests


def test_a_frame_more_counts_where_it_becomes_a_neighbour(scene: Scene) -> None:
    digests = scene.digests()
    fewer = scene_files(scene.layout, SETTINGS, FRAMES[:-1])
    found = [fewer.digest(frame) for frame in FRAMES[:-1]]
    assert differing(digests[:-1], found) == {N_FRAMES - 2}


def test_a_neighbour_without_ids_is_left_out_and_noticed_when_it_has_some(scene: Scene) -> None:
    gone = scene.first.output_path(FRAMES[CHANGED])
    gone.unlink()
    stamps, digests = scene.stamps()[2], scene.files().digests(FRAMES[2])
    assert MISSING in stamps
    assert [*digests] == ["2.png", "1.png"]
    with pytest.raises(IdMapError, match=str(gone)):
        scene.files().digest(FRAMES[CHANGED])
    scene.write_first(FRAMES[CHANGED], 1)
    assert scene.stamps()[2] != stamps
    assert [*scene.files().digests(FRAMES[2])] == ["2.png", "1.png", "3.png"]


def test_a_neighbour_that_cannot_be_read_is_left_out_and_the_frame_itself_is_not(
    scene: Scene,
) -> None:
    path = scene.layout.image_path(FRAMES[CHANGED])
    path.unlink()
    path.mkdir()
    assert [*scene.files().digests(FRAMES[2])] == ["2.png", "1.png"]
    with pytest.raises(ImageError, match="a directory"):
        scene.files().digests(FRAMES[CHANGED])


@pytest.mark.parametrize("damage", ["folder", "link"])
def test_a_depth_image_that_cannot_be_read_is_no_error_and_no_missing_one(
    scene: Scene, damage: str
) -> None:
    path = scene.depth(FRAMES[CHANGED])
    path.unlink()
    without = scene.digests()
    if damage == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    assert differing(without, scene.digests()) == USERS


def test_damaged_cameras_are_as_none(scene: Scene) -> None:
    path = scene.layout.poses_path("s", "poses.json")
    path.unlink()
    without = scene.digests()
    path.write_text('{"frames": 7}')
    assert scene.digests() == without


def test_what_is_ignored_does_not_count(scene: Scene) -> None:
    settings = SceneConfig(passes=2, neighbours=2, window=2, poses=None, depth=None)
    files = scene.files(settings)
    before = [(files.stamps(frame), files.digest(frame)) for frame in FRAMES]
    new_depth(scene)
    new_camera(scene)
    files = scene.files(settings)
    assert [(files.stamps(frame), files.digest(frame)) for frame in FRAMES] == before


def test_the_sources_hold_those_of_a_first_pass(scene: Scene) -> None:
    frame = FRAMES[0]
    own = OwnFiles(scene.layout).stamps(frame)
    assert scene.files().stamps(frame)[: len(own)] == own


def test_frames_of_two_scenes_are_no_neighbours(scene: Scene) -> None:
    other = [FrameRef("t", frame.image, frame.ids) for frame in FRAMES]
    files = scene_files(scene.layout, SETTINGS, [*FRAMES, *other])
    for frame in (*FRAMES, *other):
        assert {each.scene for each in files.neighbours(frame)} == {frame.scene}


def test_the_first_pass_has_paths_of_its_own_and_shares_images_ids_and_fixes(scene: Scene) -> None:
    layout, frame = scene.layout, FRAMES[0]
    assert isinstance(scene.first, FirstPassLayout)
    folder = layout.record.folder / "first_pass"
    assert scene.first.output_path(frame) == folder / "s" / "0.png.png"
    assert scene.first.record.journal == folder / "journal.jsonl"
    assert scene.first.record.lock == layout.record.lock
    for same in ("image_path", "ids_path"):
        assert getattr(scene.first, same)(frame) == getattr(layout, same)(frame)
    assert scene.first.fixes_folder("s") == layout.fixes_folder("s")


def test_a_first_pass_has_its_place_in_any_layout(tmp_path: Path) -> None:
    for data, output in [
        (DataConfig(layout="scannet"), OutputConfig()),
        (DataConfig(), OutputConfig(path="{scene}/out/{frame}.pth", root=tmp_path / "out")),
        # Coarse ids that are refined anew, from the folder that results have by default.
        (DataConfig(ids_dir="obj_ids_refine"), OutputConfig(path="again/{scene}/{frame}")),
    ]:
        layout = Layout(tmp_path, data, output)
        results = layout.first_pass.results_folder("s")
        assert results == layout.record.folder / "first_pass" / "s"
