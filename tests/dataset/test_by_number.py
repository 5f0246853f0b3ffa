"""Names that share only a number are paired where that leaves no doubt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.by_number import pair_by_number
from pipeline.dataset.walk import Found


def files(*names: str) -> list[Found]:
    return [Found(name, name, name.rpartition(".")[0]) for name in sorted(names)]


def paired(images: list[Found], ids: list[Found]) -> list[tuple[str, str]]:
    return [(image.path, of_image.path) for image, of_image in pair_by_number(images, ids)]


def test_names_by_kind() -> None:
    images = files("frame-000000.color.jpg", "frame-000001.color.jpg")
    ids = files("frame-000000.instances.png", "frame-000001.instances.png")
    assert paired(images, ids) == [
        ("frame-000000.color.jpg", "frame-000000.instances.png"),
        ("frame-000001.color.jpg", "frame-000001.instances.png"),
    ]
    assert paired(files("rgb_0.png"), files("semantic_instance_0.png")) == [
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
    assert {int(image[4:-4]): int(of[:-8]) for image, of in paired(images, ids)} == {
        number: number for number in some
    }


def test_a_shift_by_one_is_no_pair() -> None:
    assert paired(files("0.jpg", "1.jpg"), files("m_1.npy", "m_2.npy")) == []


def test_what_is_ambiguous_is_no_pair() -> None:
    assert paired(files("1.jpg", "01.jpg"), files("m_1.npy")) == []
    assert paired(files("a_1.jpg", "b_2.jpg"), files("m_1.npy", "m_2.npy")) == []
    assert paired(files("1_of_1.jpg", "2_of_2.jpg"), files("m_1.npy", "m_2.npy")) == []
    assert paired(files("cam1_frame2.jpg"), files("m_2.npy")) == []
    assert paired(files("left.jpg"), files("right.npy")) == []
    assert paired(files("1.jpg"), files("m_1.npy", "m_1.png")) == []


def test_a_number_that_is_the_same_in_all_names_does_not_count() -> None:
    images = files("v2_1.jpg", "v2_3.jpg")
    assert paired(images, files("m_1.npy", "m_3.npy")) == [
        ("v2_1.jpg", "m_1.npy"),
        ("v2_3.jpg", "m_3.npy"),
    ]
