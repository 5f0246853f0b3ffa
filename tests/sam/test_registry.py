from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import MODEL_NAMES, ModelConfig
from pipeline.errors import ModelError
from pipeline.sam.architecture import build_architecture
from pipeline.sam.memory import missing_memory
from pipeline.sam.registry import KNOWN, Download, find_source


def test_every_name_in_the_settings_is_known() -> None:
    assert set(KNOWN) == set(MODEL_NAMES)


@pytest.mark.parametrize("name", [name for name in MODEL_NAMES if name != "demo"])
def test_official_checkpoints_keep_their_file_names(name: str) -> None:
    checkpoint = KNOWN[name].checkpoint
    assert isinstance(checkpoint, Download)
    assert checkpoint.file_name == f"{name}.pt"
    assert len(bytes.fromhex(checkpoint.sha256)) == 32
    assert len({source.checkpoint for source in KNOWN.values()}) == len(KNOWN)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MODEL_NAMES if name != "demo"])
def test_official_architectures_are_in_the_sam2_package(name: str) -> None:
    trunk_widths = {"tiny": 96, "small": 96, "base_plus": 112, "large": 144}
    size = name.partition("_hiera_")[2]
    model = build_architecture(KNOWN[name].architecture)
    assert model.image_encoder.trunk.channel_list[-1] == trunk_widths[size]
    assert model.pred_obj_scores
    assert missing_memory(model) is None


def test_own_checkpoint_keeps_the_architecture_of_the_name() -> None:
    source = find_source(ModelConfig(name="sam2.1_hiera_tiny", checkpoint=Path("mine.pt")))
    assert source.architecture == "configs/sam2.1/sam2.1_hiera_t.yaml"
    assert source.checkpoint == Path("mine.pt")


def test_official_architecture_alone_brings_its_checkpoint() -> None:
    source = find_source(ModelConfig(config="configs/sam2.1/sam2.1_hiera_s.yaml"))
    assert source == KNOWN["sam2.1_hiera_small"]


def test_own_architecture_needs_a_checkpoint() -> None:
    with pytest.raises(ModelError, match=r"mine\.yaml.*set model\.checkpoint"):
        find_source(ModelConfig(config="mine.yaml"))
