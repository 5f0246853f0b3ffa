from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from distributed import Client
from pyarrow import parquet

from pipeline.dataset import read_ids
from pipeline.errors import ConfigError, DatasetError, IdMapError
from pipeline.mirror import build_mirror, open_mirror
from pipeline.statistics.dataset import compute_statistics, scene_statistics
from pipeline.statistics.saved import save_tables
from pipeline.statistics.tables import TABLES, as_row, as_text, make_tables
from tests.fixing import fix_frame
from tests.refined import Refined, refine_by_hand


@pytest.fixture
def refined(make_dataset: Callable[..., Path], inside_client: Client) -> Refined:
    """Return two mirrored scenes, with one frame of another size and one without a result."""
    made = refine_by_hand(make_dataset(scenes=2, frames=5))
    made.write(made.frames[1], np.zeros((48, 64)))
    small = made.layout.ids_path(made.frames[8])
    small.unlink()
    small = small.with_suffix(".npy")
    np.save(small, np.full((24, 32), 2))
    made = refine_by_hand(made.root)
    shifted = np.roll(made.in_file(made.frames[0]), 3, axis=1)
    made.write(made.frames[0], shifted)
    made.layout.output_path(made.frames[6]).unlink()
    build_mirror(made.root, None, inside_client)
    return made


def test_a_data_set_is_counted_on_the_cluster_as_by_plain_numpy(
    refined: Refined, inside_client: Client
) -> None:
    scenes = list(compute_statistics(refined.root, None, inside_client))
    assert [scene.scene for scene in scenes] == ["scene_0000", "scene_0001"]
    assert [len(scene.frames) for scene in scenes] == [5, 4]
    for scene in scenes:
        frames = [f for f in refined.frames if f.scene == scene.scene and f.image in scene.frames]
        assert [frame.image for frame in frames] == list(scene.frames)
        for row, frame in enumerate(frames):
            ids, coarse = refined.in_file(frame), read_ids(refined.layout.ids_path(frame))
            assert scene.frame_pixels[row] == ids.size
            assert scene.invalid_ratio[row] == pytest.approx((ids == 0).mean())
            for column, number in enumerate(scene.ids):
                mine, theirs = ids == number, coarse == number
                assert scene.pixels[row, column] == mine.sum()
                assert scene.coarse[row, column] == theirs.sum()
                assert scene.kept[row, column] == (mine & theirs).sum()


def test_one_scene_of_a_mirror_alone(refined: Refined) -> None:
    scene = scene_statistics(open_mirror(refined.mirror)["scene_0000"])
    assert len(scene.frames) == 5
    assert np.array_equal(scene.coarse, scene.pixels)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_tables_are_saved(
    refined: Refined, inside_client: Client, tmp_path: Path, form: str
) -> None:
    scenes = list(compute_statistics(refined.root, None, inside_client))
    by_scene = [make_tables(scene) for scene in scenes]
    tables = {
        table: {column: [v for one in by_scene for v in one[table][column]] for column in columns}
        for table, columns in TABLES.items()
    }
    files = save_tables(iter(scenes), tmp_path / "out", form)
    assert [file.name for file in files] == [
        f"{name}.{form}" for name in ("frames", "objects", "pixels", "spans", "gaps")
    ]
    for file in files:
        if form == "parquet":
            rows = parquet.read_table(file).to_pylist()
        else:
            with file.open(newline="") as opened:
                rows = list(csv.DictReader(opened))
        expected = tables[file.stem]
        assert [[str(v) for v in row.values()] for row in rows] == [
            [str(v) for v in row] for row in zip(*expected.values(), strict=True)
        ]
    assert len(tables["frames"]["frame"]) == 9
    assert sum(tables["objects"]["pixels"]) == sum(tables["pixels"]["pixels"])
    assert sum(tables["spans"]["frames"]) == sum(tables["objects"]["frames"])
    assert "scene_0001" in as_text([as_row(scene) for scene in scenes])


def test_without_a_mirror_it_says_how_to_make_one(
    make_dataset: Callable[..., Path], inside_client: Client
) -> None:
    with pytest.raises(ConfigError, match="autorefiner mirror"):
        list(compute_statistics(make_dataset(), None, inside_client))


def test_coarse_ids_that_changed_their_size_are_named(
    refined: Refined, inside_client: Client
) -> None:
    path = refined.layout.ids_path(refined.frames[8])
    np.save(path, np.ones((12, 16), np.int32))
    with pytest.raises(IdMapError, match="16 x 12 pixels"):
        list(compute_statistics(refined.root, None, inside_client))


def test_a_mirror_that_is_out_of_date_is_named(refined: Refined, inside_client: Client) -> None:
    refined.layout.image_path(refined.frames[3]).unlink()
    with pytest.raises(DatasetError, match=r"found frame_000003.jpg in the mirror"):
        list(compute_statistics(refined.root, None, inside_client))


def test_fixes_are_counted_once_the_mirror_has_them(
    refined: Refined, inside_client: Client
) -> None:
    frame = refined.frames[2]
    fix_frame(refined.layout, frame, np.full((48, 64), 9))
    with pytest.raises(DatasetError, match=r"1 frame\(s\) with a newer fix.*`autorefiner mirror`"):
        list(compute_statistics(refined.root, None, inside_client))
    build_mirror(refined.root, None, inside_client)
    first = next(iter(compute_statistics(refined.root, None, inside_client)))
    assert first.pixels[2, first.ids.tolist().index(9)] == 48 * 64
    assert first.pixels[2].sum() == 48 * 64
