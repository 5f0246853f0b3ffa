from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from distributed import Client

import pipeline
from pipeline.errors import ConfigError
from pipeline.mirror import MirrorFrame, build_mirror, open_mirror
from tests.refined import Refined


@pytest.mark.parametrize("shard", [1, 3, 40])
def test_scenes_are_lazy_arrays_that_equal_the_results(
    refined: Refined, inside_client: Client, shard: int
) -> None:
    build_mirror(refined.root, {"output": {"mirror_shard": shard}}, inside_client)
    mirror = pipeline.open_mirror(refined.mirror)
    assert list(mirror) == ["scene_0000", "scene_0001"]
    assert mirror.fingerprint == "f00d"
    for name, scene in mirror.items():
        assert isinstance(scene.ids, da.Array)
        assert (scene.ids.shape, scene.ids.dtype) == ((5, 48, 64), np.uint16)
        expected = np.stack([refined.in_file(f) for f in refined.frames if f.scene == name])
        assert np.array_equal(scene.ids.compute(scheduler="sync"), expected)


def test_the_index_lists_frames_that_have_a_result(refined: Refined, inside_client: Client) -> None:
    refined.layout.output_path(refined.frames[1]).unlink()
    build_mirror(refined.root, None, inside_client)
    mirror = open_mirror(Path(refined.mirror))
    assert len(mirror.index) == 9
    assert mirror.index[1] == MirrorFrame("scene_0000", "frame_000002.jpg", 2, (48, 64))
    scene = mirror["scene_0000"]
    assert scene.sizes[1] is None
    assert len(scene.frames) == 5
    assert not scene.ids[1].any().compute(scheduler="sync")
    assert scene.by_size[48, 64].numbers.tolist() == [0, 2, 3, 4]
    assert repr(scene) == "<MirrorScene scene_0000: 5 frames, 1 without a result>"


def test_frames_of_several_sizes_come_by_size(refined: Refined, inside_client: Client) -> None:
    refined.write(refined.frames[2], np.full((24, 32), 7))
    build_mirror(refined.root, None, inside_client)
    scene = open_mirror(refined.mirror)["scene_0000"]
    with pytest.raises(ValueError, match="frames of 2 sizes"):
        _ = scene.ids
    parts = scene.by_size
    assert parts[24, 32].numbers.tolist() == [2]
    assert (parts[24, 32].ids.compute(scheduler="sync") == 7).all()
    expected = np.stack([refined.in_file(refined.frames[number]) for number in (0, 1, 3, 4)])
    assert np.array_equal(parts[48, 64].ids.compute(scheduler="sync"), expected)


def test_xarray_opens_a_scene(refined: Refined, inside_client: Client) -> None:
    refined.write(refined.frames[2], np.full((24, 32), 7))
    build_mirror(refined.root, None, inside_client)
    scene = xr.open_zarr(refined.mirror, group="scene_0000")
    assert scene["ids"].dims == ("frame", "y", "x")
    assert scene.attrs["frames"][0] == "frame_000000.jpg"
    assert np.array_equal(scene["ids"][4], refined.in_file(refined.frames[4]))


def test_no_mirror_says_how_to_make_one(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match="`autorefiner mirror DATA_ROOT`"):
            open_mirror(path)
