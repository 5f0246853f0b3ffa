import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from pipeline.drawing.overlay import (
    ACCEPTED,
    PLACED,
    REFUSED,
    draw_ids,
    label_positions,
    line_width,
    overlay,
    paint_changes,
    paint_decisions,
    side_by_side,
    stacked,
)
from pipeline.drawing.palette import colour_of
from tests.examples import examples

GREY = np.full((40, 60, 3), 128, np.uint8)


def square() -> np.ndarray:
    ids = np.zeros((40, 60), np.uint16)
    ids[10:30, 20:40] = 5
    return ids


def test_ids_are_tinted_and_the_rest_of_the_image_is_untouched():
    picture = overlay(GREY, square(), alpha=0.5, borders=False)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture[~(square() > 0)], 128)
    np.testing.assert_allclose(picture[20, 30], (128 + colour_of(5).astype(int)) / 2, atol=1)


@pytest.mark.parametrize(("alpha", "expected"), [(0.0, [128] * 3), (1.0, colour_of(5).tolist())])
def test_opacity_runs_from_the_image_to_the_colour(alpha, expected):
    assert overlay(GREY, square(), alpha=alpha, borders=False)[20, 30].tolist() == expected


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_a_border_shows_on_any_ground(ground):
    image = np.full_like(GREY, ground)
    row = overlay(image, square())[20].astype(int).sum(axis=1)
    outside, inside = row[19], row[20]
    assert inside - outside > 600
    assert row[18] == 3 * ground


def test_neighbouring_objects_share_one_double_line():
    ids = np.ones((40, 60), np.uint16)
    ids[:, 30:] = 2
    row = overlay(GREY, ids)[20].astype(int).sum(axis=1)
    assert (row == 3 * 255).nonzero()[0].tolist() == [30]
    assert (row == 3 * 20).nonzero()[0].tolist() == [29]


def test_lines_grow_with_the_picture():
    assert line_width((480, 640, 3)) == 1
    assert line_width((1440, 1920, 3)) == 2


def test_the_image_is_not_changed_and_pil_images_are_taken():
    before = GREY.copy()
    from_array, from_pil = overlay(GREY, square()), overlay(Image.fromarray(GREY), square())
    np.testing.assert_array_equal(GREY, before)
    np.testing.assert_array_equal(from_array, from_pil)


def test_ids_of_another_size_are_stretched_to_the_image():
    half = square()[::2, ::2]
    np.testing.assert_array_equal(overlay(GREY, half), overlay(GREY, square()))


@given(hnp.arrays(np.uint16, (9, 11), elements=st.integers(0, 3)))
@settings(max_examples=examples(50), deadline=None)
def test_every_object_has_its_label_on_itself(ids):
    positions = label_positions(ids)
    assert set(positions) == set(np.unique(ids)) - {0}
    assert all(ids[position] == id_ for id_, position in positions.items())


def test_the_label_is_in_the_middle_of_the_largest_part():
    ids = np.zeros((30, 60), np.int64)
    ids[:5, :5] = 9
    ids[0:21, 30:51] = 9
    assert label_positions(ids) == {9: (10, 40)}


def test_the_label_of_a_bent_object_is_inside_it():
    ids = np.ones((40, 40), np.uint16)
    ids[:30, :30] = 0
    row, column = label_positions(ids)[1]
    assert ids[row, column] == 1
    assert min(row, column) >= 30


def test_ids_are_drawn_on_large_objects_only():
    ids = square()
    ids[0:4, 0:4] = 6
    changed = (draw_ids(GREY, ids, min_area=100) != GREY).any(axis=-1)
    assert changed[10:30, 20:40].any()
    assert not changed[:8, :10].any()
    assert (draw_ids(GREY, ids) != GREY).any(axis=-1)[:8, :10].any()


def test_a_strip_holds_all_pictures_at_one_height_below_their_captions():
    red = np.zeros((80, 40, 3), np.uint8)
    red[..., 0] = 255
    strip = np.asarray(side_by_side([GREY, Image.fromarray(red)], ["image", "refined"]))
    body = strip[-40:]
    assert (body[:, :60] == 128).all()
    assert (body[:, -20:] == [255, 0, 0]).all()
    head = strip[:-40]
    assert (head[:, :60] < 100).any()
    assert (head[:, -24:] < 100).any()


def test_every_picture_needs_its_caption():
    with pytest.raises(ValueError, match="zip"):
        side_by_side([GREY, GREY], ["image"])


def test_changes_show_the_new_colour_on_a_pale_image():
    before, after = square(), square()
    after[10:30, 30:50] = 7
    after[10:14, 20:24] = 0
    picture = paint_changes(GREY, before, after)
    assert picture[20, 40].tolist() == colour_of(7).tolist()
    assert picture[12, 22].tolist() == [0, 0, 0]
    same = before == after
    assert (picture[same] == picture[0, 0]).all()
    assert picture[0, 0].min() > 128


def test_a_note_is_written_below_its_number():
    plain, noted = (
        draw_ids(GREY, square(), notes=notes) for notes in ({}, {5: "merged", 6: "not there"})
    )
    assert (plain != noted).any()
    assert (draw_ids(GREY, square(), notes={6: "not there"}) == plain).all()


def test_strips_are_stacked():
    strips = [side_by_side([GREY], ["one"]), side_by_side([GREY, GREY], ["two", "three"])]
    sheet = stacked(strips)
    assert sheet.width == strips[1].width
    assert sheet.height >= strips[0].height + strips[1].height
    assert (np.asarray(sheet)[-40:, :60] == 128).all()


def test_decisions_are_told_apart_by_colour():
    coarse = np.array([[1, 1, 1, 1]], np.uint16)
    by_masks = np.array([[1, 2, 2, 2]], np.uint16)
    refined = np.array([[1, 2, 1, 3]], np.uint16)
    picture = paint_decisions(np.full((1, 4, 3), 100, np.uint8), coarse, by_masks, refined)
    assert picture[0, 0].tolist() == [180, 180, 180]
    assert [tuple(pixel) for pixel in picture[0, 1:].tolist()] == [ACCEPTED, REFUSED, PLACED]
