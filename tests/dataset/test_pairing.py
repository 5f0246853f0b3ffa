"""Images and ids find each other by name."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.patterns import pattern_of_folder
from pipeline.dataset.formats import IDS_SUFFIXES
from pipeline.dataset.pairing import pair
from pipeline.dataset.problems import Problem
from pipeline.dataset.walk import Found
from pipeline.records import FrameRef

PATTERNS = pattern_of_folder("images"), pattern_of_folder("obj_ids")


def pair_names(images: list[str], ids: list[str]) -> tuple[list[FrameRef], list[Problem]]:
    problems: list[Problem] = []
    of_images, of_ids = (
        [Found(name, name, name.rpartition(".")[0]) for name in names] for names in (images, ids)
    )
    frames = pair("s", of_images, of_ids, PATTERNS, problems)
    return frames, problems


@pytest.mark.parametrize("ids", [*(f"f.jpg{end}" for end in IDS_SUFFIXES), "f.jpg.PTH", "f.Hdf5"])
def test_names_of_ids(ids: str) -> None:
    assert pair_names(["f.jpg"], [ids]) == ([FrameRef("s", "f.jpg", ids)], [])


@pytest.mark.parametrize(
    ("images", "ids", "expected", "reported"),
    [
        ("a.jpg b.jpg", "a.jpg.pth", "a.jpg=a.jpg.pth", ["image without ids"]),
        ("a.jpg", "a.jpg.pth b.jpg.pth", "a.jpg=a.jpg.pth", ["ids without image"]),
        ("a.jpg", "a.pth a.jpg.png a.jpg.pth", "a.jpg=a.jpg.pth", ["several ids"]),
        ("a.jpg", "a.png a.npy", "a.jpg=a.npy", ["several ids"]),
        ("a.jpg", "a.tiff a.pt a.h5", "a.jpg=a.pt", ["several ids"]),
        (
            "a.jpg a.png",
            "a.jpg.pth a.png.pth",
            "a.jpg=a.jpg.pth a.png=a.png.pth",
            ["duplicate stem"],
        ),
        (
            "A.JPG a.jpg",
            "A.JPG.pth a.jpg.pth",
            "A.JPG=A.JPG.pth a.jpg=a.jpg.pth",
            ["duplicate stem"],
        ),
        (
            "a.jpg a.png",
            "a.pth",
            "",
            ["ambiguous ids", "ambiguous ids", "duplicate stem", "ids without image"],
        ),
        (
            "a.jpg a.png",
            "a.pth a.png.pth",
            "a.png=a.png.pth",
            ["ambiguous ids", "duplicate stem", "ids without image"],
        ),
        ("a.jpg a.jpg.jpg", "a.jpg.pth", "a.jpg=a.jpg.pth", ["image without ids"]),
        ("a.jpg a.jpg.jpg", "a.pth a.jpg.jpg.pth", "a.jpg=a.pth a.jpg.jpg=a.jpg.jpg.pth", []),
    ],
)
def test_pairing(images: str, ids: str, expected: str, reported: list[str]) -> None:
    frames, problems = pair_names(images.split(), ids.split())
    assert [f"{frame.image}={frame.ids}" for frame in frames] == expected.split()
    assert sorted(problem.kind for problem in problems) == reported


names = st.lists(
    st.sampled_from(["a", "b", "A", "a.jpg"]).flatmap(
        lambda stem: st.sampled_from([".jpg", ".png", ".JPG", ".jpeg"]).map(lambda end: stem + end)
    ),
    unique=True,
    max_size=6,
)
id_names = st.lists(
    st.sampled_from(["a", "b", "A", "a.jpg", "a.png", "b.JPG", "a.jpg.jpg", "c"]).flatmap(
        lambda stem: st.sampled_from([".pth", ".npy", ".png", ".h5", ".tiff"]).map(
            lambda end: stem + end
        )
    ),
    unique=True,
    max_size=6,
)


@given(names, id_names)
def test_nothing_is_dropped_in_silence(images: list[str], ids: list[str]) -> None:
    frames, problems = pair_names(images, ids)
    used_ids = [frame.ids for frame in frames]
    assert len(set(used_ids)) == len(used_ids), "ids used twice"
    assert all(frame.ids.startswith(frame.image.rpartition(".")[0]) for frame in frames)
    said = " ".join(map(str, problems))
    for image in set(images) - {frame.image for frame in frames}:
        assert f"s/images/{image}" in said
    for name in set(ids) - set(used_ids):
        assert name in said


@given(names, id_names, st.randoms(use_true_random=False))
def test_the_order_of_ids_does_not_matter(
    images: list[str], ids: list[str], random: Random
) -> None:
    shuffled = random.sample(ids, len(ids))
    assert pair_names(images, ids)[0] == pair_names(images, shuffled)[0]
