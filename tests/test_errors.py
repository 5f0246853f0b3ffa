from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import AutoRefinerError, FrameError, IdMapError, in_general, reason_of


def test_a_frame_error_names_file_found_expected_and_remedy() -> None:
    error = IdMapError("a/b.pth", "a dict", "an (H, W) map", "Export it again")
    assert str(error) == "a/b.pth: found a dict; expected an (H, W) map. Export it again"
    assert isinstance(error, FrameError)
    assert isinstance(error, AutoRefinerError)


def test_a_frame_error_survives_the_way_between_processes() -> None:
    error = IdMapError("a/b.pth", "a dict", "an (H, W) map", "Export it again")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is IdMapError
    assert str(back) == str(error)
    assert back.hint == "Export it again"
    assert back.reason == "id map: a dict"


@pytest.mark.parametrize(
    ("text", "general"),
    [
        ("id 70000", "id N"),
        ("the negative id -7", "the negative id N"),
        ("640 x 480 pixels", "N x N pixels"),
        ("an array of shape (3, 480, 640)", "an array of shape (N, N, N)"),
        ("a 4-bit grey PNG", "a 4-bit grey PNG"),
        ("a tensor of type 'float8_e4m3'", "a tensor of type 'float8_e4m3'"),
        ("2.5e+18 of 1,000", "N of N"),
        ("<BytesIO object at 0x7f00ab12>", "<BytesIO object at N>"),
        ("cannot open '/data/a/7.jpg'", "cannot open a path"),
        ('no "a/b" here\nand more', "no a path here"),
        ("it's 3/4 of '7'", "it's N/N of 'N'"),
        ("7 \x85\n7", "N"),
        ("", ""),
    ],
)
def test_what_differs_from_frame_to_frame_is_left_out(text: str, general: str) -> None:
    assert in_general(text) == general


@given(st.text())
def test_any_text_in_general_is_one_short_line(text: str) -> None:
    general = in_general(text)
    assert len(general) <= 160
    assert general == general.strip()
    assert len(general.splitlines()) <= 1


@given(st.text(alphabet=st.characters(categories=["L"])), st.integers(), st.integers())
def test_the_same_words_about_other_numbers_are_the_same_in_general(
    words: str, one: int, other: int
) -> None:
    assert in_general(f"{words} {one} pixels") == in_general(f"{words} {other} pixels")


def test_why_a_bug_failed_a_frame_names_its_class() -> None:
    assert reason_of(ZeroDivisionError()) == "ZeroDivisionError"
    assert reason_of(KeyError("x")) == "KeyError: 'x'"
