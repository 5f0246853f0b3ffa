from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr
from distributed import Client

from pipeline.dataset import read_ids
from pipeline.dataset.fixes import fix_digest, remove_fix
from pipeline.errors import ConfigError, DatasetError, StorageError
from pipeline.mirror import build_mirror, check_mirror
from tests.fixing import fix_frame
from tests.refined import Refined, open_results

SHARDED = {"output": {"mirror_shard": 3}}


def chunk(refined: Refined, number: int, scene: str = "scene_0000", array: str = "ids") -> Path:
    return Path(refined.mirror) / scene / array / f"c.{number}.0.0"


@pytest.mark.parametrize("settings", [None, SHARDED])
def test_a_mirror_holds_every_result(
    refined: Refined, inside_client: Client, settings: dict | None
) -> None:
    built = build_mirror(refined.root, settings, inside_client)
    assert dict(built.counts) == {"copied": 10}
    assert refined.agrees()
    checked = check_mirror(refined.root, settings, inside_client)
    assert dict(checked.counts) == {"same": 10}
    assert checked.agrees


def test_a_stranger_finds_names_sizes_settings_and_dimensions(
    refined: Refined, inside_client: Client
) -> None:
    build_mirror(refined.root, None, inside_client)
    root = zarr.open(refined.mirror, mode="r")
    assert root.metadata.consolidated_metadata is not None
    assert root.attrs["fingerprint"] == "f00d"
    assert set(root.attrs["versions"]) == {"autorefiner", "numpy", "zarr"}
    assert sorted(root.group_keys()) == ["scene_0000", "scene_0001"]
    scene = root["scene_0001"]
    assert scene.attrs["frames"] == [f"frame_{number:06d}.jpg" for number in range(5)]
    assert scene.attrs["sizes"] == [[48, 64]] * 5
    ids = scene["ids"]
    assert (ids.shape, ids.chunks, ids.dtype) == ((5, 48, 64), (1, 48, 64), np.uint16)
    assert ids.metadata.dimension_names == ("frame", "y", "x")


def test_shards_hold_several_frames_in_one_file(refined: Refined, inside_client: Client) -> None:
    build_mirror(refined.root, SHARDED, inside_client)
    names = sorted(path.name for path in chunk(refined, 0).parent.iterdir())
    assert names == ["c.0.0.0", "c.1.0.0", "zarr.json"]
    ids = zarr.open(refined.mirror, mode="r")["scene_0000/ids"]
    assert (ids.shards, ids.chunks) == ((3, 48, 64), (1, 48, 64))


@pytest.mark.parametrize("settings", [None, SHARDED])
def test_frames_of_other_sizes_lie_at_the_same_place_in_arrays_of_their_own(
    refined: Refined, inside_client: Client, settings: dict | None
) -> None:
    small, large = refined.frames[1], refined.frames[3]
    refined.write(small, np.full((24, 32), 7))
    refined.write(large, np.full((96, 128), 9))
    build_mirror(refined.root, settings, inside_client)
    assert refined.agrees()
    scene = zarr.open(refined.mirror, mode="r")["scene_0000"]
    assert [*scene["ids_24x32"].shape] == [5, 24, 32]
    assert (scene["ids_96x128"][3] == 9).all()
    assert not scene["ids"][[1, 3]].any()


def test_a_frame_that_changes_its_size_leaves_nothing_behind(
    refined: Refined, inside_client: Client
) -> None:
    frame = refined.frames[2]
    build_mirror(refined.root, None, inside_client)
    refined.write(frame, np.full((24, 32), 7))
    assert dict(build_mirror(refined.root, None, inside_client).counts) == {"same": 9, "copied": 1}
    assert refined.agrees()
    assert not chunk(refined, 2).exists()
    refined.write(frame, read_ids(refined.layout.ids_path(frame)))
    build_mirror(refined.root, None, inside_client)
    assert refined.agrees()
    assert not chunk(refined, 2, array="ids_24x32").exists()


@pytest.mark.parametrize("settings", [None, SHARDED])
def test_a_frame_without_any_object_is_there_all_the_same(
    refined: Refined, inside_client: Client, settings: dict | None
) -> None:
    refined.write(refined.frames[0], np.zeros((48, 64), np.uint16))
    build_mirror(refined.root, settings, inside_client)
    assert chunk(refined, 0).exists()
    assert refined.in_mirror(refined.frames[0]) is not None
    assert check_mirror(refined.root, settings, inside_client).agrees


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [torn, empty, flipped, Path.unlink])
@pytest.mark.parametrize("settings", [None, SHARDED])
def test_a_damaged_chunk_is_found_and_mended(
    refined: Refined, inside_client: Client, settings: dict | None, damage: object
) -> None:
    build_mirror(refined.root, settings, inside_client)
    damage(chunk(refined, 1))
    checked = check_mirror(refined.root, settings, inside_client)
    assert checked.counts["differs"] > 0
    assert not checked.agrees
    mended = build_mirror(refined.root, settings, inside_client)
    assert mended.counts["copied"] == checked.counts["differs"]
    assert refined.agrees()
    assert check_mirror(refined.root, settings, inside_client).agrees


@pytest.mark.parametrize("settings", [None, SHARDED])
def test_results_that_come_change_or_go_are_followed(
    refined: Refined, inside_client: Client, settings: dict | None
) -> None:
    came, changed, went = refined.frames[:3]
    content = refined.layout.output_path(came).read_bytes()
    refined.layout.output_path(came).unlink()
    build_mirror(refined.root, settings, inside_client)
    assert refined.agrees()
    refined.layout.output_path(came).write_bytes(content)
    refined.write(changed, np.full((48, 64), 3))
    refined.layout.output_path(went).unlink()
    checked = check_mirror(refined.root, settings, inside_client)
    assert dict(checked.counts) == {"missing": 1, "differs": 1, "no result": 1, "same": 7}
    assert "1 differ from their results, such as scene_0000/frame_000001.jpg" in checked.as_text()
    build_mirror(refined.root, settings, inside_client)
    assert refined.agrees()


def test_a_scene_whose_frames_change_is_laid_out_anew(
    refined: Refined, inside_client: Client
) -> None:
    build_mirror(refined.root, None, inside_client)
    for path in refined.root.glob("scene_0000/*/frame_000000.jpg*"):
        path.rename(path.with_name(path.name.replace("000000", "000009")))
    renamed = open_results(refined.root)
    assert build_mirror(refined.root, None, inside_client).agrees
    assert renamed.agrees()
    names = zarr.open(refined.mirror, mode="r")["scene_0000"].attrs["frames"]
    assert names == [f"frame_00000{number}.jpg" for number in (1, 2, 3, 4, 9)]


def test_scenes_with_odd_names_have_groups_of_their_own(
    refined: Refined, inside_client: Client
) -> None:
    for odd in ("a\\b", "zarr.json", "50%", "x[1]*", "küche"):
        shutil.copytree(refined.root / "scene_0000", refined.root / odd)
    build_mirror(refined.root, None, inside_client)
    root = zarr.open(refined.mirror, mode="r")
    named = {group.attrs["scene"]: group for _, group in root.groups()}
    assert len(named) == 7
    for odd in ("a\\b", "zarr.json", "50%", "x[1]*", "küche"):
        assert np.array_equal(named[odd]["ids"][:], root["scene_0000/ids"][:])
    assert check_mirror(refined.root, None, inside_client).agrees


def test_results_of_other_settings_are_left_out_and_named(
    refined: Refined, inside_client: Client
) -> None:
    refined.write(refined.frames[4], np.zeros((48, 64)), settings="0ther")
    built = build_mirror(refined.root, None, inside_client)
    assert dict(built.counts) == {"copied": 9, "stale": 1}
    assert not built.agrees
    assert "of other settings, such as scene_0000/frame_000004.jpg" in built.as_text()
    assert refined.in_mirror(refined.frames[4]) is None


def test_a_mirror_of_other_settings_is_refused(refined: Refined, inside_client: Client) -> None:
    build_mirror(refined.root, None, inside_client)
    for frame in refined.frames:
        refined.write(frame, refined.in_file(frame), settings="0ther")
    for act in (build_mirror, check_mirror):
        with pytest.raises(ConfigError, match="settings f00d; expected 0ther"):
            act(refined.root, None, inside_client)


def test_a_mirror_of_other_shards_is_refused(refined: Refined, inside_client: Client) -> None:
    build_mirror(refined.root, None, inside_client)
    with pytest.raises(ConfigError, match=r"1 frame\(s\) a file; expected 3"):
        build_mirror(refined.root, SHARDED, inside_client)


def test_what_is_no_mirror_is_left_alone(refined: Refined, inside_client: Client) -> None:
    precious = Path(refined.mirror)
    precious.mkdir()
    (precious / "thesis.tex").write_text("mine")
    with pytest.raises(ConfigError, match="no mirror"):
        build_mirror(refined.root, None, inside_client)
    with pytest.raises(ConfigError, match="found no mirror"):
        check_mirror(refined.root, None, inside_client)
    assert [path.name for path in precious.iterdir()] == ["thesis.tex"]
    shutil.rmtree(precious)
    zarr.create_group(precious, attributes={"scheme": 99})
    with pytest.raises(ConfigError, match="no mirror of this version"):
        build_mirror(refined.root, None, inside_client)


@pytest.mark.parametrize("linked", ["", "scene_0000", "scene_0000/ids"])
def test_links_out_of_the_data_set_are_refused(
    refined: Refined, inside_client: Client, tmp_path: Path, linked: str
) -> None:
    build_mirror(refined.root, None, inside_client)
    inside, outside = Path(refined.mirror) / linked, tmp_path / "outside"
    inside.rename(outside)
    inside.symlink_to(outside)
    with pytest.raises(StorageError, match="a link"):
        build_mirror(refined.root, None, inside_client)


def test_no_result_no_mirror(refined: Refined, inside_client: Client) -> None:
    shutil.rmtree(refined.root / "scene_0000" / "obj_ids_refine")
    shutil.rmtree(refined.root / "scene_0001" / "obj_ids_refine")
    with pytest.raises(DatasetError, match="found no result"):
        build_mirror(refined.root, None, inside_client)


def test_a_result_that_cannot_be_read_is_named(refined: Refined, inside_client: Client) -> None:
    refined.layout.output_path(refined.frames[6]).write_bytes(b"torn")
    built = build_mirror(refined.root, None, inside_client)
    assert dict(built.counts) == {"copied": 9, "unreadable": 1}
    assert refined.in_mirror(refined.frames[6]) is None


@pytest.mark.parametrize("settings", [None, SHARDED])
def test_the_fix_of_a_frame_is_in_the_mirror_until_it_is_removed(
    refined: Refined, inside_client: Client, settings: dict | None
) -> None:
    layout, frame = refined.layout, refined.frames[1]
    build_mirror(refined.root, settings, inside_client)
    fix_frame(layout, frame, np.full((48, 64), 9))
    assert dict(check_mirror(refined.root, settings, inside_client).counts) == {
        "same": 9,
        "differs": 1,
    }
    build_mirror(refined.root, settings, inside_client)
    assert np.all(refined.in_mirror(frame) == 9)
    assert check_mirror(refined.root, settings, inside_client).agrees
    remove_fix(layout, frame, fix_digest(layout, frame))
    build_mirror(refined.root, settings, inside_client)
    assert refined.agrees()
    assert not np.all(refined.in_mirror(frame) == 9)
