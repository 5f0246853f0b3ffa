"""Round trips through every format: maps exported and imported keep every pixel and every id."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pipeline
from pipeline.config import load_config
from pipeline.dataset import Layout, discover, read_ids, read_pair, write_ids
from pipeline.demo.write import write_demo_dataset
from tests.examples import examples
from tests.scans import blobs, id_maps, imported, write_scans

WAYS = {
    "coco-rle": ("coco", "instances.json"),
    "coco-panoptic": ("coco-panoptic", "panoptic.json"),
    "mots-png": ("mots-png", ""),
    "cvat": ("cvat", "annotations"),
    "labelme": ("labelme", ""),
    "davis": ("labels", ""),
}
there_and_back = pytest.mark.parametrize("to", WAYS)


def round_trip(root: Path, to: str, **how: object) -> None:
    out = root.parent / f"out-{to}"
    pipeline.export_dataset(root, to, out=out, **how)
    form, name = WAYS[to]
    pipeline.import_ids(root, form, out / name, into="back")


@there_and_back
@settings(max_examples=examples(8))
@given(st.lists(id_maps(), min_size=1, max_size=3))
def test_small_maps(to: str, maps: list[np.ndarray]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = write_scans(Path(folder, "scans"), {"a": maps, "b": maps[:1]})
        round_trip(root, to, ids="coarse")
        for number, ids in enumerate(maps):
            assert np.array_equal(imported(root, "a", number, "back"), ids)
        assert np.array_equal(imported(root, "b", 0, "back"), maps[0])


@there_and_back
def test_names_that_need_care(to: str, tmp_path: Path) -> None:
    names = ["5942004064", "扫描 & <1>", 'a"b', "scene.json"]
    maps = {name: [blobs(seed=seed)] for seed, name in enumerate(names)}
    root = write_scans(tmp_path / "scans", maps)
    round_trip(root, to, ids="coarse")
    for name, [ids] in maps.items():
        assert np.array_equal(imported(root, name, 0, "back"), ids)


@there_and_back
def test_images_whose_names_differ_in_suffixes(to: str, tmp_path: Path) -> None:
    root = write_scans(tmp_path / "scans", {"a": [blobs(seed=n) for n in range(3)]})
    names = ["x.png", "x.jpg", "x.jpg.png"]
    for number, name in enumerate(names):
        old = root / "a" / "images" / f"frame_{number:06d}.png"
        old.rename(old.with_name(name))
        ids = root / "a" / "obj_ids" / f"frame_{number:06d}.png.npy"
        ids.rename(ids.with_name(f"{name}.npy"))
    round_trip(root, to, ids="coarse")
    for number, name in enumerate(names):
        assert np.array_equal(read_ids(root / "a" / "back" / f"{name}.png"), blobs(seed=number))


@there_and_back
def test_large_and_many_ids(to: str, tmp_path: Path) -> None:
    first = np.arange(1, 241, dtype=np.int32).reshape(12, 20) * 273  # up to 65 520
    second = np.roll(first, 7)
    root = write_scans(tmp_path / "scans", {"a": [first, second]})
    round_trip(root, to, ids="coarse")
    assert np.array_equal(imported(root, "a", 0, "back"), first)
    assert np.array_equal(imported(root, "a", 1, "back"), second)


@there_and_back
def test_a_frame_without_objects_comes_back_empty(to: str, tmp_path: Path) -> None:
    root = write_scans(tmp_path / "scans", {"a": [np.zeros((4, 5), np.int32), blobs()]})
    round_trip(root, to, ids="coarse")
    assert not imported(root, "a", 0, "back").any()


@pytest.mark.slow
def test_refined_ids_of_the_demo(tmp_path: Path) -> None:
    root = tmp_path / "scans"
    write_demo_dataset(root, 1, 2, size=(160, 120), seed=9, severity=1.0)
    config = load_config({"model": {"name": "demo"}})
    layout = Layout(root, config.data, config.output)
    frames = discover(root, config.data).frames
    for frame in frames:
        pair = read_pair(layout.image_path(frame), layout.ids_path(frame))
        write_ids(layout.output_path(frame), pipeline.refine_frame(*pair, config).ids, "pth", {})
    for to in WAYS:
        round_trip(root, to)
        for frame in frames:
            refined = read_ids(layout.output_path(frame))
            back = root / frame.scene / "back" / f"{frame.image}.png"
            assert refined.any()
            assert np.array_equal(refined, read_ids(back))
            back.unlink()
