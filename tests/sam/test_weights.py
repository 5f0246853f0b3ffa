"""Checkpoints in their common forms, and files that are none."""

from __future__ import annotations

import argparse
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import ModelError
from pipeline.sam import load_model
from pipeline.sam.weights import Weights, read_weights


@pytest.fixture(scope="module")
def weights(checkpoint: Path) -> Weights:
    return dict(torch.load(checkpoint, weights_only=True)["model"])


def renamed(weights: Weights, prefix: str) -> Weights:
    return {prefix + name: value for name, value in weights.items()}


WRAPPED = {
    "bare": lambda w: w,
    "model": lambda w: {"model": w},
    "state_dict": lambda w: {"state_dict": w, "epoch": 1},
    "model_state_dict": lambda w: {"model_state_dict": w, "loss": 0.5},
    "two wrappers": lambda w: {"model": {"state_dict": w, "epoch": 3}},
    "a trainer's": lambda w: {"model": w, "optimizer": {"state": {}}, "steps": {"train": 1}},
    "DataParallel": lambda w: {"model": renamed(w, "module.")},
    "Lightning around DataParallel": lambda w: {"state_dict": renamed(w, "model.module.")},
    "compiled": lambda w: {"model": renamed(w, "_orig_mod.")},
    "compiled in part": lambda w: {
        name.replace("image_encoder.", "image_encoder._orig_mod."): value
        for name, value in w.items()
    },
}


@pytest.mark.parametrize("how", WRAPPED)
def test_reads_what_trainers_save(tmp_path: Path, weights: Weights, how: str) -> None:
    path = tmp_path / "own.pt"
    torch.save(WRAPPED[how](weights), path)
    found = read_weights(path)
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], value) for name, value in weights.items())


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("name", ["own.safetensors", "own.pt"])
def test_reads_safetensors_whatever_the_suffix(
    tmp_path: Path, weights: Weights, name: str, prefix: str
) -> None:
    save_file(renamed(weights, prefix), tmp_path / name, metadata={"format": "pt"})
    found = read_weights(tmp_path / name)
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[key], value) for key, value in weights.items())


def test_reads_the_old_format(tmp_path: Path, weights: Weights) -> None:
    path = tmp_path / "old.pth"
    torch.save({"model": weights}, path, _use_new_zipfile_serialization=False)
    assert read_weights(path).keys() == weights.keys()


def test_a_name_that_begins_like_a_prefix_stays_where_others_do_not(tmp_path: Path) -> None:
    path = tmp_path / "own.pt"
    torch.save({"module.a": torch.zeros(1), "b": torch.zeros(1)}, path)
    assert read_weights(path).keys() == {"module.a", "b"}


@pytest.mark.parametrize("cut", [-1, -1000, 100, 5])
def test_torn_safetensors(tmp_path: Path, weights: Weights, cut: int) -> None:
    path = tmp_path / "torn.safetensors"
    save_file(weights, path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ModelError) as caught:
        read_weights(path)
    assert ("not whole" if cut != 5 else "no checkpoint") in str(caught.value)
    assert "delete" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>too many requests</html>", "a web page .HTML.*download the file again"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer.*git lfs pull"),
        (bytes(5000), "zeros only.*Copy the file again"),
        (b"\x89HDF\r\n", "an HDF5 file.*model.checkpoint"),
        (b"hello", "no checkpoint.*model.checkpoint"),
        (b"\x80\x02}q\x00.", "a pickle of the old format"),
    ],
)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_says_what_is_there_instead(
    tmp_path: Path, content: bytes, words: str, suffix: str
) -> None:
    path = tmp_path / f"other{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words):
        read_weights(path)


def test_a_damaged_archive_is_told_from_a_cut_one(tmp_path: Path, checkpoint: Path) -> None:
    path = tmp_path / "damaged.pt"
    content = bytearray(checkpoint.read_bytes())
    content[40 : len(content) // 2] = bytes(len(content) // 2 - 40)
    path.write_bytes(content)
    with pytest.raises(ModelError, match="damaged on its way"):
        read_weights(path)


@pytest.mark.parametrize(
    ("besides", "named"),
    [
        ({"args": argparse.Namespace(lr=1e-4)}, "argparse.Namespace"),
        ({"best": np.float64(0.5)}, "numpy"),
        ({"path": Path("x")}, "pathlib"),
    ],
)
def test_python_objects_are_named_and_the_file_called_whole(
    tmp_path: Path, weights: Weights, besides: dict[str, Any], named: str
) -> None:
    path = tmp_path / "own.pt"
    torch.save({"model": weights, **besides}, path)
    with pytest.raises(ModelError, match=rf"a whole file .*{named}.*save the state dict") as caught:
        read_weights(path)
    assert "delete" not in str(caught.value)


def test_a_mapping_that_holds_itself_is_refused(tmp_path: Path) -> None:
    path, knot = tmp_path / "knot.pt", {}
    knot["model"] = knot
    torch.save(knot, path)
    with pytest.raises(ModelError, match="without a state dict"):
        read_weights(path)


def test_weights_of_another_model_are_called_whole(
    tmp_path: Path, config: Any, weights: Weights
) -> None:
    path = tmp_path / "own.pt"
    for others, words in (
        ({"image_encoder.pos_embed": torch.zeros(1, 64, 64, 8)}, "a whole .*weights of SAM 1"),
        ({**weights, "more": torch.zeros(2)}, r"a whole .*unexpected: more.*model\.config"),
    ):
        torch.save(others, path)
        with pytest.raises(ModelError, match=words) as caught:
            load_model(config.model.model_copy(update={"checkpoint": path}))
        assert "delete" not in str(caught.value)


class Gadget:
    """A class with which an attacker would run code from a pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_never_run(tmp_path: Path, *, zipped: bool) -> None:
    path, proof = tmp_path / "evil.pt", tmp_path / "was here"
    content = {"model": Gadget(proof)}
    if zipped:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(ModelError, match=r"evil\.pt"):
        read_weights(path)
    assert not proof.exists()


@pytest.mark.parametrize("size", [0, 1, 5_000, -1_000])
def test_torn_file(checkpoint: Path, tmp_path: Path, size: int) -> None:
    path = tmp_path / "torn.pt"
    path.write_bytes(checkpoint.read_bytes()[:size])
    with pytest.raises(ModelError, match=r"torn\.pt: ") as caught:
        read_weights(path)
    assert "delete" not in str(caught.value)
    said = "an empty file" if size == 0 else "no checkpoint" if size == 1 else "its end is missing"
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [torch.zeros(3), {"model": 7}, {"weights": {"a": 1}}, [1]])
def test_torch_file_without_weights(tmp_path: Path, content: object) -> None:
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(ModelError, match="without a state dict"):
        read_weights(path)


def test_bare_state_dict_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "bare.pt"
    torch.save({"weight": torch.arange(3)}, path)
    assert read_weights(path)["weight"].tolist() == [0, 1, 2]
