"""The SAM 2 model: built from a YAML and a checkpoint, once per process and settings."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from pipeline.config import Config, ConfigLike, ModelConfig, load_config
from pipeline.errors import ModelError
from pipeline.sam.architecture import build_architecture
from pipeline.sam.checkpoints import obtain_checkpoint, read_weights
from pipeline.sam.compiled import compiled
from pipeline.sam.limits import forget_limits
from pipeline.sam.registry import find_source

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_NAMED_KEYS = 5

_models: dict[ModelConfig, SAM2Base] = {}
_loading = threading.Lock()


def load_model(config: ConfigLike | ModelConfig = None) -> SAM2Base:
    """Return the SAM 2 model that the settings name, on its device, ready for inference.

    The first call in a process builds it, later calls return the same object; concurrent threads
    wait for one another. The parameters require no gradient.

    Parameters
    ----------
    config
        A `Config`, a mapping, the path of a YAML file, or None for the defaults, of which only
        the section `model` matters; or that section itself.

    Raises
    ------
    ConfigError
        The settings are wrong.
    ModelError
        The checkpoint cannot be obtained or does not fit the architecture, the architecture is
        invalid, or the device is missing.
    """
    # Precision is chosen for each call (see `arithmetic`), so it is not part of the key.
    settings = config if isinstance(config, ModelConfig) else load_config(config).model
    key = settings.model_copy(update={"precision": "auto", "compile": False})
    with _loading:
        if key not in _models:
            _models[key] = _build(key)
        return _models[key]


def load_lowered(config: Config) -> SAM2Base:
    """Return the model as proposers use it: with weights in the precision that it computes in.

    Weights are cast once here, and not at every call. In float32 this is the model of `load_model`;
    in a lower precision it is a copy. Within `arithmetic` its masks are nearly those that autocast
    gives: the image encoder has no float32 in between, and the decoder's biases are rounded, too.

    Raises
    ------
    ConfigError, ModelError
        As for `load_model`.
    """
    model = load_model(config)
    dtype = _dtype(config.model, model.device)
    if dtype == torch.float32:
        return model
    precision = str(dtype).removeprefix("torch.")
    key = config.model.model_copy(update={"precision": precision, "compile": False})
    with _loading:
        if key not in _models:
            _models[key] = _lowered(model, dtype)
        return _models[key]


def load_for_many(config: Config) -> SAM2Base:
    """Return the model as proposers of whole runs use it: compiled, if the settings say so.

    Only a GPU is worth it. `auto` compiles nothing here: a run that is long enough sets it to true.

    Raises
    ------
    ConfigError, ModelError
        As for `load_model`.
    """
    model = load_lowered(config)
    if config.model.compile is not True or model.device.type != "cuda":
        return model
    key = config.model
    with _loading:
        if key not in _models:
            _models[key] = compiled(model)
        return _models[key]


def _lowered(model: SAM2Base, dtype: torch.dtype) -> SAM2Base:
    lowered = copy.deepcopy(model)
    for module in lowered.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            module.to(dtype)
    lowered.image_encoder = _LoweredEncoder(lowered.image_encoder.to(dtype), dtype)
    return lowered


class _LoweredEncoder(nn.Module):
    """An image encoder that computes in a lower precision throughout.

    Autocast would take every layer norm to float32, and cast to and fro around it.
    """

    def __init__(self, encoder: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self._encoder, self._dtype = encoder, dtype

    def forward(self, images: Tensor) -> dict[str, Any]:
        """Return the features of images (B, 3, S, S), as the encoder itself does."""
        with torch.autocast(images.device.type, enabled=False):
            features: dict[str, Any] = self._encoder(images.to(self._dtype))
        return features


def resolve_device(config: ModelConfig) -> torch.device:
    """Return the device to compute on; `auto` takes CUDA, then MPS, then the CPU.

    Raises
    ------
    ModelError
        A device is set by name and is missing.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if config.device == "auto":
        return torch.device(next(name for name, available in there.items() if available))
    if not there[config.device]:
        raise ModelError(
            f"model.device is {config.device}, and torch {torch.__version__} finds no such device "
            "here; set model.device to auto or cpu, or install the torch build and the driver it "
            "needs"
        )
    return torch.device(config.device)


@contextmanager
def arithmetic(config: ModelConfig, device: torch.device) -> Iterator[None]:
    """Enter a context without gradients, in the precision that the settings give this device."""
    dtype = _dtype(config, device)
    with (
        torch.inference_mode(),
        torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32),
    ):
        yield


def _dtype(config: ModelConfig, device: torch.device) -> torch.dtype:
    if config.precision == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return _DTYPES[config.precision]


def _build(config: ModelConfig) -> SAM2Base:
    forget_limits()
    device = resolve_device(config)
    source = find_source(config)
    path = obtain_checkpoint(config)
    weights = read_weights(path)
    if source.memory is None:
        model = build_architecture(source.architecture)
    else:
        model = build_architecture(source.architecture, source.memory.architecture)
        weights |= read_weights(source.memory.weights)
    _fill(model, weights, path, source.architecture)
    return model.to(device).eval().requires_grad_(False)


def _fill(model: SAM2Base, weights: dict[str, torch.Tensor], path: Path, architecture: str) -> None:
    expected = model.state_dict()
    wrong = {
        "missing": sorted(expected.keys() - weights.keys()),
        "unexpected": sorted(weights.keys() - expected.keys()),
        "of another shape": sorted(
            name
            for name in expected.keys() & weights.keys()
            if expected[name].shape != weights[name].shape
        ),
    }
    if any(wrong.values()):
        found = "; ".join(
            f"{len(keys)} {how}: {_some(keys)}" for how, keys in wrong.items() if keys
        )
        raise ModelError(
            f"{path}: a whole checkpoint, but its weights do not fit the architecture "
            f"{architecture}: {found}. {_advise(weights)}"
        )
    model.load_state_dict(weights)


def _advise(weights: dict[str, torch.Tensor]) -> str:
    if "image_encoder.pos_embed" in weights or "mask_decoder.iou_token.weight" in weights:
        return "These are weights of SAM 1, and only SAM 2 can be used here"
    return (
        "Set model.config to the YAML that the checkpoint was trained with, or model.name to "
        "the checkpoint it comes from"
    )


def _some(keys: list[str]) -> str:
    shown = ", ".join(keys[:_NAMED_KEYS])
    return f"{shown}, …" if len(keys) > _NAMED_KEYS else shown
