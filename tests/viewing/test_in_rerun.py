"""The content of files for rerun, read back with rerun's own reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pipeline
from pipeline.dataset import read_ids
from pipeline.errors import StorageError
from tests.refined import Refined, refine_by_hand
from tests.tools import need_module

need_module("rerun", extra="rerun")


@pytest.fixture
def made(make_dataset: Callable[..., Path]) -> Refined:
    return refine_by_hand(make_dataset(scenes=2, frames=3))


def logged(path: Path, entity: str, column: str) -> Iterator[tuple[int, Any]]:
    """Yield the values of a column in a file, frame by frame."""
    from rerun.chunk import RrdReader

    for chunk in RrdReader(str(path)).stream():
        batch = chunk.to_record_batch()
        if chunk.entity_path == entity and column in batch.schema.names:
            frames = batch.column("frame").to_pylist()
            yield from zip(frames, batch.column(column).to_pylist(), strict=True)


def labels(path: Path, layer: str) -> dict[int, np.ndarray]:
    entity = f"/image/{layer}"
    formats = dict(logged(path, entity, "SegmentationImage:format"))
    found = {}
    for frame, [buffer] in logged(path, entity, "SegmentationImage:buffer"):
        shape = formats[frame][0]
        values = np.array(buffer, np.uint8).view(np.uint16)
        found[frame] = values.reshape(shape["height"], shape["width"])
    return found


@pytest.mark.parametrize("scene", [None, "scene_0001"])
def test_a_saved_scene_has_every_id_on_its_timeline(
    made: Refined, tmp_path: Path, scene: str | None
) -> None:
    file = tmp_path / "scene.rrd"
    assert pipeline.view_scene(made.root, scene, viewer="rerun", save=file) == []
    frames = [frame for frame in made.frames if frame.scene == (scene or "scene_0000")]
    refined, coarse = labels(file, "refined"), labels(file, "coarse")
    assert sorted(refined) == sorted(coarse) == [0, 1, 2]
    for number, frame in enumerate(frames):
        assert np.array_equal(refined[number], made.in_file(frame))
        assert np.array_equal(coarse[number], read_ids(made.layout.ids_path(frame)))
    assert len(list(logged(file, "/image", "EncodedImage:blob"))) == 3


def test_what_is_missing_is_said_and_the_rest_is_shown(made: Refined, tmp_path: Path) -> None:
    made.layout.output_path(made.frames[1]).unlink()
    problems = pipeline.view_scene(made.root, save=tmp_path / "scene.rrd")
    assert len(problems) == 1
    assert "frame_000001" in problems[0]
    assert sorted(labels(tmp_path / "scene.rrd", "refined")) == [0, 2]
    assert sorted(labels(tmp_path / "scene.rrd", "coarse")) == [0, 1, 2]


def test_small_ids_are_brought_to_the_size_of_the_image(made: Refined, tmp_path: Path) -> None:
    frame = made.frames[0]
    image = Image.open(made.layout.image_path(frame))
    image.resize((128, 96)).save(made.layout.image_path(frame))
    pipeline.view_scene(made.root, save=tmp_path / "scene.rrd")
    large = labels(tmp_path / "scene.rrd", "refined")[0]
    assert np.array_equal(large[::2, ::2], made.in_file(frame))
    assert np.array_equal(large[1::2, 1::2], made.in_file(frame))


def test_a_file_that_cannot_be_written_is_said(made: Refined, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="expected a place that can be written to"):
        pipeline.view_scene(made.root, save=tmp_path / "nowhere" / "scene.rrd")
    assert list(tmp_path.glob("*.part")) == []
