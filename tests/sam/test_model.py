from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from distributed import Client
from hydra.core.global_hydra import GlobalHydra
from sam2.build_sam import build_sam2
from sam2.modeling.sam2_base import SAM2Base

from pipeline.config import Config, ModelConfig, load_config
from pipeline.errors import ModelError
from pipeline.sam import load_model, model
from pipeline.sam.architecture import build_architecture
from pipeline.sam.model import (
    arithmetic,
    load_lowered,
    resolve_device,
)
from training.stock_sam2 import image_predictor

OFFICIAL = "configs/sam2.1/sam2.1_hiera_t.yaml"


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Empty the cache of models; return a list that receives the architectures built since."""
    built: list[str] = []

    def counted(architecture: str) -> SAM2Base:
        built.append(architecture)
        return build_architecture(architecture)

    monkeypatch.setattr(model, "_models", {})
    monkeypatch.setattr(model, "build_architecture", counted)
    return built


def test_is_ready_for_inference(model: SAM2Base, checkpoint: Path) -> None:
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    weights = torch.load(checkpoint, weights_only=True)["model"]
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_loads_once_whatever_the_number_of_calls(builds: list[str], config: Config) -> None:
    first = load_model(config)
    assert load_model(config) is first
    assert load_model(config.model) is first
    assert load_model({"model": config.model.model_dump()}) is first
    other_precision = config.model.model_copy(update={"precision": "bfloat16"})
    assert load_model(other_precision) is first
    assert len(builds) == 1


def test_threads_do_not_load_twice(builds: list[str], config: Config) -> None:
    together = threading.Barrier(4)

    def load(_: int) -> SAM2Base:
        together.wait()
        return load_model(config)

    with ThreadPoolExecutor(4) as threads:
        models = list(threads.map(load, range(4)))
    assert len(builds) == 1
    assert all(loaded is models[0] for loaded in models)


def test_a_failed_load_is_tried_again(
    builds: list[str], config: Config, checkpoint: Path, tmp_path: Path
) -> None:
    late = tmp_path / "late.pt"
    settings = config.model.model_copy(update={"checkpoint": late})
    with pytest.raises(ModelError, match="no such checkpoint"):
        load_model(settings)
    late.write_bytes(checkpoint.read_bytes())
    assert isinstance(load_model(settings), SAM2Base)


def test_own_and_official_architectures_in_any_order(config: Config) -> None:
    """Build also in a thread, and without a global hydra."""
    GlobalHydra.instance().clear()
    assert config.model.config is not None
    build_architecture(config.model.config)
    with ThreadPoolExecutor(1) as threads:
        official = threads.submit(build_architecture, OFFICIAL).result()
    build_architecture(config.model.config)
    assert official.image_size == 1024


def test_agrees_with_sam2s_own_builder(config: Config, checkpoint: Path) -> None:
    assert config.model.config is not None
    import sam2

    if not GlobalHydra.instance().is_initialized():
        from hydra import initialize_config_module

        initialize_config_module(sam2.__name__, version_base="1.2")
    theirs = build_sam2(f"/{config.model.config}", str(checkpoint), device="cpu")
    ours = load_model(config)
    assert str(ours) == str(theirs)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    thresholds = [
        decoder.dynamic_multimask_stability_thresh
        for decoder in (ours.sam_mask_decoder, theirs.sam_mask_decoder)
    ]
    assert thresholds[0] == thresholds[1]


def test_half_precision_weights_fill_a_float32_model(
    checkpoint: Path, config: Config, tmp_path: Path
) -> None:
    weights = torch.load(checkpoint, weights_only=True)["model"]
    path = tmp_path / "half.pt"
    torch.save({"model": {name: value.half() for name, value in weights.items()}}, path)
    loaded = load_model(config.model.model_copy(update={"checkpoint": path}))
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}


def test_wrong_architecture_names_some_keys(checkpoint: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(ModelConfig(name="sam2.1_hiera_tiny", checkpoint=checkpoint, device="cpu"))
    text = str(caught.value)
    assert "missing: " in text
    assert "of another shape: " in text
    assert "image_encoder" in text
    assert "model.config" in text
    assert len(text) < 2000


def test_device_that_is_not_there() -> None:
    for device in ("cuda", "mps"):
        there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not there[device]:
            with pytest.raises(ModelError, match=f"model.device is {device}"):
                resolve_device(ModelConfig(device=device))
    assert resolve_device(ModelConfig(device="cpu")) == torch.device("cpu")
    assert resolve_device(ModelConfig()).type in {"cuda", "mps", "cpu"}


def test_weights_are_cast_once_to_the_precision_computed_in(config: Config) -> None:
    half = load_config(config, ["model.precision=bfloat16"])
    model = load_lowered(half)
    assert load_lowered(half) is model
    assert load_lowered(config) is load_model(config) is load_model(half)
    assert {p.dtype for p in load_model(half).parameters()} == {torch.float32}
    assert {p.dtype for p in model.image_encoder.parameters()} == {torch.bfloat16}
    convolutions = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d)]
    assert {m.weight.dtype for m in convolutions} == {torch.bfloat16}
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("auto", torch.float32), ("float32", torch.float32), ("bfloat16", torch.bfloat16)],
)
def test_arithmetic(precision: str, dtype: torch.dtype) -> None:
    cpu = torch.device("cpu")
    weight = torch.ones(2, 2, requires_grad=True)
    with arithmetic(ModelConfig.model_validate({"precision": precision}), cpu):
        product = weight @ weight
    assert product.dtype == dtype
    assert not product.requires_grad
    assert torch.is_grad_enabled()


def test_sam2s_predictor_works_at_any_image_size(
    model: SAM2Base, picture: npt.NDArray[np.uint8]
) -> None:
    predictor = image_predictor(model)
    predictor.set_image(picture)
    masks, _, _ = predictor.predict(np.array([[10, 10]]), np.array([1]))
    assert masks.shape == (3, *picture.shape[:2])


@pytest.mark.slow
def test_loads_inside_dask_workers(config: Config) -> None:
    def name_of_model(settings: Config) -> tuple[str, bool]:
        from pipeline.sam import load_model

        return type(load_model(settings)).__name__, load_model(settings) is load_model(settings)

    with Client(n_workers=1, threads_per_worker=2, dashboard_address=None) as client:
        futures = client.map(name_of_model, [config] * 4, pure=False)
        assert client.gather(futures) == [("SAM2Base", True)] * 4
