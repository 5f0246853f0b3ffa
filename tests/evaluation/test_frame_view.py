from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.config import load_config
from pipeline.dataset import read_pair
from pipeline.errors import DatasetError, ImageError
from tests.proposers import inspect_frame

MakeDataset = Callable[..., Path]


@pytest.fixture
def image(make_dataset: MakeDataset) -> Path:
    return make_dataset(scenes=1, frames=2) / "scene_0000" / "images" / "frame_000001.jpg"


def test_ids_are_found_as_a_run_finds_them_or_taken_as_named(image: Path) -> None:
    ids = image.parent.parent / "obj_ids" / "frame_000001.jpg.pth"
    found, named = inspect_frame(image), inspect_frame(image, ids)
    assert found.refinement.objects == named.refinement.objects
    np.testing.assert_array_equal(found.coarse_ids, read_pair(image, ids)[1])
    elsewhere = image.rename(image.parent.parent.parent / "moved.jpg")
    with pytest.raises(DatasetError, match="found no ids for it"):
        inspect_frame(elsewhere)
    assert inspect_frame(elsewhere, ids).objects == named.objects


def test_it_refines_as_a_run_does_and_writes_nothing(image: Path) -> None:
    before = sorted(image.parents[2].rglob("*"))
    view = inspect_frame(image)
    assert sorted(image.parents[2].rglob("*")) == before
    ids = np.unique(view.coarse_ids[view.coarse_ids > 0]).tolist()
    assert [o.record.id for o in view.objects] == ids
    assert set(view.seconds) == {"read", "encode", "decode", "match", "merge", "compose", "borders"}
    assert view.mask_numbers.max() <= len(view.masks)


def test_tables_and_figure_hold_every_object_and_mask(image: Path) -> None:
    view = inspect_frame(image)
    text = view.as_text()
    assert "frame_000001.jpg: 64 x 48" in text
    assert len(view.object_table().rows) == len(view.objects)
    assert len(view.mask_table().rows) == len(view.masks)
    assert all(o.why in text for o in view.objects)
    figure = view.figure()
    height, width = view.image.shape[:2]
    assert figure.width >= 2 * width
    assert figure.height >= 2 * height
    html = view._repr_html_()
    assert "data:image/webp" in html
    assert "<table>" in html


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nowhere\.jpg: found no such file"):
        inspect_frame(tmp_path / "nowhere.jpg")


def test_names_cannot_steer_a_terminal_or_a_notebook(image: Path) -> None:
    ids = image.parent.parent / "obj_ids" / "frame_000001.jpg.pth"
    hostile = image.rename(image.with_name("<b>\x1b[2J.jpg"))
    view = inspect_frame(hostile, ids, load_config())
    assert "\x1b" not in view.as_text()
    assert "<b>" not in view._repr_html_()


def test_a_gray_frame_without_objects_can_be_looked_at(tmp_path: Path) -> None:
    Image.new("L", (40, 30), 90).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", np.zeros((30, 40), np.int32))
    view = inspect_frame(tmp_path / "a.png", tmp_path / "a.npy")
    assert view.objects == ()
    assert view.figure().width >= 80
    assert "0 ids" in view.as_text()
