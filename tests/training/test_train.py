import json
import os

import numpy as np
import pytest
import torch

from pipeline.errors import ModelError
from training.pool import FRAMES_PER_SHARD, render_example, write_shard
from training.train import Phase, Recipe, train

RECIPE = Recipe(
    phases=(Phase(64, 6, 2, 3), Phase(96, 4, 2, 2)), warm_up=2, corrections=0.5, shards=1
)


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    examples = [render_example(number, 96) for number in range(3)]
    shard = np.stack([examples[step % 3] for step in range(FRAMES_PER_SHARD)])
    np.save(folder / "shard_00000.npy", shard)
    return folder


def run(folder, pool, **limits):
    folder.mkdir(exist_ok=True)
    train(folder, RECIPE, pool, **limits)
    return torch.load(folder / "state.pt", weights_only=True)


@pytest.mark.slow
def test_a_run_that_was_cut_and_resumed_gives_what_an_undisturbed_one_gives(pool, tmp_path):
    whole = run(tmp_path / "whole", pool)
    run(tmp_path / "cut", pool, stop_after=2)
    resumed = run(tmp_path / "cut", pool)
    assert resumed["step"] == whole["step"] == 5
    assert resumed["images"] == whole["images"] == 10
    for part in ("model", "average"):
        for name, value in whole[part].items():
            torch.testing.assert_close(resumed[part][name], value, rtol=1e-4, atol=1e-5)
    rows = [json.loads(line) for line in (tmp_path / "cut" / "curve.jsonl").open()]
    assert [row["step"] for row in rows] == [2, 5]
    assert rows[-1]["size"] == 96


@pytest.mark.slow
def test_a_run_can_begin_with_weights_that_are_there(pool, tmp_path):
    first = run(tmp_path / "first", pool, stop_after=1)
    weights = tmp_path / "weights.pt"
    torch.save({"model": first["average"]}, weights)
    second = run(tmp_path / "second", pool, start=weights, stop_after=1)
    for name, value in first["average"].items():
        # One careful step away, where random weights would be anywhere.
        torch.testing.assert_close(second["model"][name], value, rtol=0, atol=0.01)


def test_a_phase_follows_the_other_and_the_rate_goes_up_then_down():
    assert [RECIPE.phase_at(images).size for images in (0, 5, 6, 9, 10)] == [64, 64, 96, 96, 96]
    assert RECIPE.share_at(0) == 0
    assert RECIPE.share_at(10) == 1
    assert RECIPE.share_at(6) == pytest.approx(6 * 64**2 / (6 * 64**2 + 4 * 96**2))
    rates = [RECIPE.rate_at(images, images + 1) for images in range(0, 11, 2)]
    assert rates == sorted(rates, reverse=True)
    assert RECIPE.rate_at(0, 0) < rates[0]


def test_a_training_frame_holds_an_image_and_ids_that_belong_together(pool):
    frame = np.load(pool / "shard_00000.npy")[0]
    exact, coarse = frame[..., 3], frame[..., 4]
    assert set(np.unique(coarse)) <= {0, *np.unique(exact)}
    assert (exact == coarse).mean() > 0.4
    assert frame[..., :3].std() > 10


def test_a_shard_that_is_there_is_not_rendered_again(pool):
    before = (pool / "shard_00000.npy").stat().st_mtime_ns
    assert write_shard(pool, 0).stat().st_mtime_ns == before


class Gadget:
    def __init__(self, *args: str) -> None:
        self.args = args

    def __reduce__(self):
        return os.mkdir, self.args


def test_weights_to_start_from_are_not_unpickled(pool, tmp_path):
    torch.save({"model": Gadget(str(tmp_path / "run"))}, tmp_path / "evil.pt")
    with pytest.raises(ModelError, match=r"evil\.pt: .*holds Python objects"):
        train(tmp_path, RECIPE, pool, start=tmp_path / "evil.pt")
    assert not (tmp_path / "run").exists()
