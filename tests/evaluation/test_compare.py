from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pipeline
from pipeline.errors import DatasetError, FrameError
from pipeline.evaluation.comparison import compare_maps


def write(path: Path, ids: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, ids)
    return path


def halves(left: int, right: int, at: int = 5) -> np.ndarray:
    ids = np.full((8, 10), left, np.uint16)
    ids[:, at:] = right
    return ids


def test_a_pair_says_which_ids_and_pixels_differ(tmp_path: Path) -> None:
    a = write(tmp_path / "a.npy", halves(1, 2))
    b = write(tmp_path / "b.npy", halves(1, 3, at=6))
    found = pipeline.compare(a, b)
    [pair] = found.pairs
    assert (pair.common, pair.only_before, pair.only_after) == ((1,), (2,), (3,))
    assert found.changed == pair.changed == pytest.approx(0.5)
    text = found.as_text()
    assert "ids: 1 in both, 1 only in A, 1 only in B" in text
    assert "50.00 % of pixels changed" in text
    assert "+20.0 %" in text
    assert "only in A" in text
    assert found.picture is not None
    assert "<table>" in found._repr_html_()
    assert "data:image/webp" in found._repr_html_()


def test_equal_sets_are_equal(tmp_path: Path) -> None:
    a, b = (write(tmp_path / name, halves(1, 2)) for name in ("a.npy", "b.npy"))
    assert pipeline.compare(a, b).equal
    assert not pipeline.compare(a, write(tmp_path / "c.npy", halves(1, 2, at=6))).equal


def test_coarse_and_refined_of_a_scene_meet_whatever_their_suffixes(tmp_path: Path) -> None:
    write(tmp_path / "obj_ids" / "frame_1.npy", halves(1, 2))
    write(tmp_path / "obj_ids" / "frame_2.jpg.npy", halves(1, 2))
    write(tmp_path / "obj_ids" / "frame_3.jpg.npy", halves(1, 2))
    write(tmp_path / "obj_ids_refine" / "frame_1.jpg.npy", halves(1, 2, at=6))
    write(tmp_path / "obj_ids_refine" / "frame_2.jpg.npy", halves(1, 2, at=9))
    found = pipeline.compare(tmp_path / "obj_ids", tmp_path / "obj_ids_refine")
    assert [pair.name for pair in found.pairs] == ["frame_2", "frame_1"]
    assert found.changed == pytest.approx((0.4 + 0.1) / 2)
    [lonely] = found.unpaired
    assert "frame_3.jpg.npy: only in A" in lonely


def test_of_two_output_roots_only_what_both_have_is_meant(tmp_path: Path) -> None:
    for root, at in (("data", 5), ("other", 7)):
        write(tmp_path / root / "room" / "obj_ids_refine" / "f.jpg.npy", halves(1, 2, at))
    write(tmp_path / "data" / "room" / "obj_ids" / "f.jpg.npy", halves(1, 2))
    found = pipeline.compare(tmp_path / "data", tmp_path / "other")
    assert [pair.name for pair in found.pairs] == ["room/obj_ids_refine/f"]
    assert found.unpaired == ()


def test_a_map_that_cannot_be_read_is_named_and_the_others_compared(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        for name in ("x", "y"):
            write(tmp_path / folder / f"{name}.npy", halves(1, 2))
    (tmp_path / "b" / "x.npy").write_bytes(b"torn")
    found = pipeline.compare(tmp_path / "a", tmp_path / "b")
    assert [pair.name for pair in found.pairs] == ["y"]
    assert "x.npy" in found.problems[0]
    assert not found.equal
    with pytest.raises(FrameError, match=r"x\.npy"):
        pipeline.compare(tmp_path / "a" / "x.npy", tmp_path / "b" / "x.npy")


def test_the_picture_lies_over_the_image_of_the_scene(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (20, 16), (255, 0, 0)).save(tmp_path / "images" / "f.png")
    a = write(tmp_path / "obj_ids" / "f.png.npy", np.zeros((8, 10), np.uint16))
    b = write(tmp_path / "obj_ids_refine" / "f.png.npy", halves(0, 5))
    picture = pipeline.compare(a, b).picture
    assert picture is not None
    strip = np.asarray(picture)[-16:]
    assert (strip[:, :20] == (255, 0, 0)).all()
    assert (strip[:, -20:-10, 0] > 100).all()


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("nowhere", "folder", "no such file"),
        ("map.npy", "folder", "a file and a folder"),
        ("folder", "empty", "no two id maps of one name"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path: Path, a: str, b: str, message: str) -> None:
    write(tmp_path / "map.npy", halves(1, 2))
    write(tmp_path / "folder" / "map.npy", halves(1, 2))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=message):
        pipeline.compare(tmp_path / a, tmp_path / b)


def test_names_from_outside_are_escaped(tmp_path: Path) -> None:
    for folder in ("<i>a", "<i>b"):
        write(tmp_path / folder / "<b>\x1b.npy", halves(1, 2))
        write(tmp_path / folder / "y.npy", halves(1, 2))
    found = pipeline.compare(tmp_path / "<i>a", tmp_path / "<i>b")
    assert "\x1b" not in found.as_text()
    assert "<i>" not in found._repr_html_()
    assert "<b>" not in found._repr_html_()


def test_a_map_of_another_size_is_stretched() -> None:
    small = halves(1, 2)
    assert compare_maps("x", small.repeat(2, 0).repeat(2, 1), small).changed == 0


def test_where_no_pair_can_be_read_the_first_reason_is_told(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "x.npy", np.full((4, 5), 70_000))
    with pytest.raises(DatasetError, match=r"1 pair\(s\) of maps, none .* 70000"):
        pipeline.compare(tmp_path / "a", tmp_path / "b")
