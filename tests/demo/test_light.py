import numpy as np

from pipeline.demo.furniture.solids import box
from pipeline.demo.light import any_mood, lit_lamp, openness, photograph, shade, through_jpeg
from pipeline.demo.textures import Material

GREY = Material("plain", np.full((3, 3), 0.5, np.float32))
UP = np.array([[0, 0, 1]], np.float32)


def light_at(point, solids):
    white = np.ones(3, np.float32)
    lamp = lit_lamp(
        np.array([0, 0, 2], np.float32), np.array([0.1, 0, 0], np.float32), white, solids
    )
    mood = any_mood(np.random.default_rng(0), np.array([0, 0, 50], np.float32))
    one, none = np.ones(1, np.float32), np.zeros(1, np.float32)
    at = np.array([point], np.float32)
    eye = np.array([2, 0, 1], np.float32)
    return shade(np.ones((1, 3), np.float32), UP, at, none, none, lamp, mood, eye, one).sum()


def test_what_stands_between_the_lamp_and_a_place_leaves_it_in_shadow():
    table = box((0, 0, 1), (0.4, 0.4, 0.02), GREY)
    assert light_at((0, 0, 0), [table]) < 0.8 * light_at((0, 0, 0), [])
    assert light_at((1.5, 0, 0), [table]) == light_at((1.5, 0, 0), [])


def test_a_nook_is_darker_than_the_open():
    depth = np.full((60, 80), 2.0, np.float32)
    depth[:, 40:] = 3.0
    result = openness(depth)
    assert result[30, 40] < result[30, 79]
    assert result[30, 5] == 1
    assert result.min() > 0


def test_a_photograph_uses_the_range_of_a_picture():
    rng = np.random.default_rng(1)
    light = rng.uniform(0, 2, (40, 60, 3)).astype(np.float32)
    dim = photograph(light * 0.01, any_mood(np.random.default_rng(2), np.ones(3)), rng)
    assert dim.dtype == np.uint8
    assert 60 < dim.mean() < 220


def test_a_jpeg_file_loses_little_at_high_quality_and_more_at_low():
    ramp = np.linspace(0, 255, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8)
    fine, rough = (
        np.abs(through_jpeg(ramp, quality).astype(int) - ramp).mean() for quality in (95, 20)
    )
    assert fine < rough
