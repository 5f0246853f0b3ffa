import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.errors import ModelError
from pipeline.sam.memory_bank import Memories, condition, encode_memory
from pipeline.sam.registry import KNOWN
from training.clips import FRAMES, read_clip, write_clip
from training.memory import (
    PARTS,
    MemoryRecipe,
    begin_like_features,
    build_model,
    train_memory,
)

RECIPE = MemoryRecipe(steps=4, clips=1, clips_per_step=1, objects=1, warm_up=2)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    write_clip(folder, 0)
    return folder


def run(folder, pool, **limits):
    folder.mkdir(exist_ok=True)
    train_memory(folder, RECIPE, pool, **limits)
    return torch.load(folder / "state.pt", weights_only=True)


def test_a_run_that_was_cut_and_resumed_gives_what_an_undisturbed_one_gives(pool, tmp_path):
    whole = run(tmp_path / "whole", pool)
    run(tmp_path / "cut", pool, stop_after=2)
    resumed = run(tmp_path / "cut", pool)
    assert resumed["step"] == whole["step"] == 4
    for part in ("memory", "average"):
        for name, value in whole[part].items():
            torch.testing.assert_close(resumed[part][name], value, rtol=1e-3, atol=1e-5)
    rows = [json.loads(line) for line in (tmp_path / "cut" / "curve.jsonl").open()]
    assert [row["step"] for row in rows] == [2, 4]

    saved = load_file(tmp_path / "cut" / "tiny_memory.safetensors")
    assert saved.keys() == load_file(KNOWN["demo"].memory.weights).keys()
    assert {value.dtype for value in saved.values()} == {torch.float16}


def test_only_the_memory_learns(pool, tmp_path):
    weights = KNOWN["demo"].memory.weights
    before = build_model(RECIPE.seed, weights).state_dict()
    after = run(tmp_path / "run", pool, start=weights, stop_after=1)["memory"]
    assert all(name.startswith(PARTS) for name in after)
    assert after.keys() == {name for name in before if name.startswith(PARTS)}
    moved = [name for name, value in after.items() if not torch.equal(value, before[name])]
    assert len(moved) > 0.8 * len(after)


def test_a_random_memory_gives_features_that_the_decoder_knows(pool):
    model, clip = build_model(0, None), read_clip(pool / "clip_00000.npz")
    begin_like_features(model, clip)
    embedding = clip.embeddings[0].float()
    masks = (torch.rand(1, 512, 512) > 0.5).float()
    with torch.no_grad():
        tokens, positions = encode_memory(model, embedding[None], masks)
        found = condition(model, embedding, Memories(tokens, positions, 0))[0]
    expected = embedding.flatten(1).T + model.no_mem_embed[0]
    assert torch.corrcoef(torch.stack([found.mean(0), expected.mean(0)]))[0, 1] > 0.7
    torch.testing.assert_close(found.std(), expected.std(), atol=0, rtol=0.3)


def test_weights_to_start_from_are_those_of_a_memory(tmp_path):
    given = load_file(KNOWN["demo"].memory.weights)
    model = build_model(0, KNOWN["demo"].memory.weights)
    assert all(torch.equal(model.state_dict()[n], value.float()) for n, value in given.items())
    given.pop("maskmem_tpos_enc")
    save_file(given | {"other": torch.zeros(1)}, tmp_path / "half.safetensors")
    with pytest.raises(ModelError, match="1 are no part of the model and 1 are missing"):
        build_model(0, tmp_path / "half.safetensors")


def test_a_clip_shows_the_same_objects_in_all_frames(pool):
    clip = read_clip(pool / "clip_00000.npz")
    assert clip.exact.shape == clip.coarse.shape == (FRAMES, 512, 512)
    assert 0.4 < (clip.exact == clip.coarse).mean() < 1
    shared = set(np.unique(clip.exact[0])) & set(np.unique(clip.exact[-1]))
    assert len(shared - {0}) >= 3
    assert clip.embeddings.shape[:2] == (FRAMES, 128)
    assert clip.embeddings.float().std() > 0.01


def test_a_clip_that_is_there_is_not_rendered_again(pool):
    before = (pool / "clip_00000.npz").stat().st_mtime_ns
    assert write_clip(pool, 0).stat().st_mtime_ns == before
