"""Fixtures: a small SAM 2 with seeded random weights, and a picture with ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base

from pipeline.config import Config, load_config
from pipeline.sam import batches, load_model
from pipeline.sam.architecture import build_architecture

ARCHITECTURE = Path(__file__).with_name("small_hiera.yaml")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # A model of this size is slower with two threads, and the machine has other work.
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save weights that make distinct, varied masks and ratings all over [0, 1].

    Unscaled random weights hardly depend on prompts, with logits near 0 and every rating 0.5.
    """
    torch.manual_seed(0)
    model = build_architecture(str(ARCHITECTURE))
    decoder = model.sam_mask_decoder
    torch.nn.init.normal_(decoder.iou_prediction_head.layers[-1].weight, std=0.6)
    for network in decoder.output_hypernetworks_mlps:
        network.layers[-1].weight.data *= 40
    for layer in decoder.transformer.layers:
        layer.self_attn.out_proj.weight.data *= 4
        layer.cross_attn_token_to_image.out_proj.weight.data *= 4
        layer.cross_attn_image_to_token.out_proj.weight.data *= 4
    path = tmp_path_factory.mktemp("weights") / "small.pt"
    torch.save({"model": model.state_dict()}, path)
    return path


@pytest.fixture(scope="session")
def config(checkpoint: Path) -> Config:
    return load_config(
        {
            "model": {"config": str(ARCHITECTURE), "checkpoint": str(checkpoint), "device": "cpu"},
            "proposals": {
                "points_per_side": 8,
                "points_per_batch": 16,
                "predicted_iou_threshold": 0.3,
                "stability_threshold": 0.2,
            },
        }
    )


@pytest.fixture(scope="session")
def model(config: Config) -> SAM2Base:
    return load_model(config)


@pytest.fixture(scope="session")
def picture() -> npt.NDArray[np.uint8]:
    """Draw coloured tiles, (96, 128, 3)."""
    rng = np.random.default_rng(0)
    return np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((16, 16, 1))).astype(np.uint8)


@pytest.fixture(scope="session")
def ids() -> npt.NDArray[np.int32]:
    """Eleven objects and a strip without any, (96, 128)."""
    tiles = np.arange(12).reshape(3, 4)
    return np.kron(tiles, np.ones((32, 32))).astype(np.int32)


@pytest.fixture(autouse=True)
def enough_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget which batches did not fit into memory in tests before."""
    monkeypatch.setattr(batches, "_fitted", {})
