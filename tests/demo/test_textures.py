import numpy as np
import pytest

from pipeline.demo.textures import PATTERNS, Material, albedo, cloth, covering, metal, paint, wood

COLOURS = np.array([[0.8, 0.2, 0.1], [0.1, 0.7, 0.3], [0.2, 0.2, 0.9]], np.float32)


@pytest.fixture(scope="module")
def places():
    return np.random.default_rng(0).uniform(-3, 3, (4000, 2)).astype(np.float32)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_is_a_colour_everywhere_and_shows_more_than_one(pattern, places):
    colours = albedo(Material(pattern, COLOURS, scale=0.3, grain=0.0), places)
    assert colours.shape == (4000, 3)
    assert colours.dtype == np.float32
    assert colours.min() >= 0
    assert colours.max() <= 1
    assert (np.ptp(colours, axis=0).max() > 0.2) == (pattern != "plain")


@pytest.mark.parametrize("make", [paint, wood, cloth, metal])
def test_materials_have_colours_that_a_surface_can_have(make):
    for seed in range(30):
        material = make(np.random.default_rng(seed))
        assert material.colours.shape == (3, 3)
        assert material.colours.min() >= 0
        assert material.colours.max() <= 1
        assert material.scale > 0


def test_a_wall_covering_is_about_as_bright_as_told():
    def mean(bright):
        rngs = [np.random.default_rng(seed) for seed in range(40)]
        return np.mean([covering(rng, "plain", bright=bright).colours[0] for rng in rngs])

    assert mean(0.9) > mean(0.5) + 0.2
