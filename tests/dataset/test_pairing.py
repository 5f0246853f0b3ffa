"""Images and id maps are paired by name."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.patterns import pattern_of_folder
from pipeline.dataset.formats import IDS_SUFFIXES
from pipeline.dataset.pairing import pair, pair_by_number
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


def files(*names: str) -> list[Found]:
    return [Found(name, name, name.rpartition(".")[0]) for name in sorted(names)]


def paired_by_number(images: list[Found], ids: list[Found]) -> list[tuple[str, str]]:
    return [(image.path, of_image.path) for image, of_image in pair_by_number(images, ids)]


def test_names_by_kind() -> None:
    images = files("frame-000000.color.jpg", "frame-000001.color.jpg")
    ids = files("frame-000000.instances.png", "frame-000001.instances.png")
    assert paired_by_number(images, ids) == [
        ("frame-000000.color.jpg", "frame-000000.instances.png"),
        ("frame-000001.color.jpg", "frame-000001.instances.png"),
    ]
    assert paired_by_number(files("rgb_0.png"), files("semantic_instance_0.png")) == [
        ("rgb_0.png", "semantic_instance_0.png")
    ]


@given(
    st.sets(st.integers(0, 10**7), min_size=1),
    st.integers(0, 9),
    st.integers(0, 9),
    st.randoms(use_true_random=False),
)
def test_padding_does_not_matter(numbers, of_images: int, of_ids: int, random) -> None:
    some = {number for number in numbers if random.random() < 0.7} or numbers
    images = files(*(f"rgb_{number:0{of_images}d}.jpg" for number in numbers))
    ids = files(*(f"{number:0{of_ids}d}_ids.npy" for number in some))
    assert {int(image[4:-4]): int(of[:-8]) for image, of in paired_by_number(images, ids)} == {
        number: number for number in some
    }


def test_a_shift_by_one_is_no_pair() -> None:
    assert paired_by_number(files("0.jpg", "1.jpg"), files("m_1.npy", "m_2.npy")) == []


def test_what_is_ambiguous_is_no_pair() -> None:
    assert paired_by_number(files("1.jpg", "01.jpg"), files("m_1.npy")) == []
    assert paired_by_number(files("a_1.jpg", "b_2.jpg"), files("m_1.npy", "m_2.npy")) == []
    assert paired_by_number(files("1_of_1.jpg", "2_of_2.jpg"), files("m_1.npy", "m_2.npy")) == []
    assert paired_by_number(files("cam1_frame2.jpg"), files("m_2.npy")) == []
    assert paired_by_number(files("left.jpg"), files("right.npy")) == []
    assert paired_by_number(files("1.jpg"), files("m_1.npy", "m_1.png")) == []


def test_a_number_that_is_the_same_in_all_names_does_not_count() -> None:
    images = files("v2_1.jpg", "v2_3.jpg")
    assert paired_by_number(images, files("m_1.npy", "m_3.npy")) == [
        ("v2_1.jpg", "m_1.npy"),
        ("v2_3.jpg", "m_3.npy"),
    ]
