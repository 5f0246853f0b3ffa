"""A SAM 2 model without weights, built from the YAML that describes it.

In a YAML of hydra, `_target_` names the code to call, so that a YAML from a stranger could run any
program. Here it may name layers only: classes of sam2, of torch and of this package, looked up in
the modules that define them and not in modules that import them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sam2
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sam2.modeling.sam2_base import SAM2Base
from torch import nn

from pipeline.errors import ModelError
from pipeline.plain_yaml import MAX_CHARACTERS, YamlError, read_yaml

# What sam2's own `build_sam2` adds to every architecture for prediction.
_FOR_PREDICTION = {
    "dynamic_multimask_via_stability": True,
    "dynamic_multimask_stability_delta": 0.05,
    "dynamic_multimask_stability_thresh": 0.98,
}
_HOMES = ("sam2.modeling.", "torch.nn.modules.", "pipeline.sam.tiny.")
"""Modules whose classes an architecture may use."""


def build_architecture(architecture: str, memory: Path | None = None) -> SAM2Base:
    """Build the model that a YAML describes, without weights.

    `hydra.compose` is not used, since its search path is a global of the process. So no set-up is
    needed, and models from inside and outside the sam2 package can be built in any thread.

    Parameters
    ----------
    architecture
        A YAML file, or a name inside the sam2 package.
    memory
        A YAML file with what a memory adds to the architecture; its values replace others.

    Raises
    ------
    ModelError
        There is no such file, or it describes no SAM 2 model that can be used here.
    """
    path = Path(architecture)
    if not path.is_file():
        path = Path(sam2.__file__).parent / architecture
    if not path.is_file():
        raise ModelError(
            f"{architecture}: no such architecture, neither a file nor a name inside the sam2 "
            "package such as configs/sam2.1/sam2.1_hiera_l.yaml; correct model.config"
        )
    tree = _read_tree(path)
    if memory is not None:
        tree = OmegaConf.merge(tree, _read_tree(memory))
    try:
        OmegaConf.update(tree, "model.sam_mask_decoder_extra_args", _FOR_PREDICTION, force_add=True)
        OmegaConf.resolve(tree)
        _check_targets(path, OmegaConf.to_container(tree))
        model = instantiate(tree.model)
    except ModelError:
        raise
    except Exception as error:
        # Layers and hydra raise any type of exception for arguments that make no sense.
        raise ModelError(f"{path}: does not describe a SAM 2 model: {error}") from error
    if not isinstance(model, SAM2Base):
        raise ModelError(
            f"{path}: describes a {type(model).__name__}; expected a model of class SAM2Base"
        )
    if not model.use_high_res_features_in_sam:
        raise ModelError(
            f"{path}: has use_high_res_features_in_sam off; only models that have it on, as all "
            "the official ones do, can be used here"
        )
    return model


def _read_tree(path: Path) -> Any:
    try:
        with path.open(encoding="utf-8") as file:
            return OmegaConf.create(read_yaml(file.read(MAX_CHARACTERS + 1)) or {})
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise ModelError(f"{path}: not a YAML file of plain values: {error}") from error


def _check_targets(path: Path, tree: Any) -> None:
    for target in _find_targets(tree):
        if not _is_layer(target):
            raise ModelError(
                f"{path}: found _target_: {target!r:.80}; expected a layer of sam2.modeling or "
                "torch.nn.modules by its full name. Nothing else is called, as an architecture may "
                "come from a stranger"
            )


def _find_targets(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict):
        if "_target_" in tree:
            yield tree["_target_"]
        tree = tree.values()
    elif not isinstance(tree, list):
        return
    for part in tree:
        yield from _find_targets(part)


def _is_layer(target: Any) -> bool:
    if not isinstance(target, str) or not target.startswith(_HOMES):
        return False
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return False
    return isinstance(found, type) and issubclass(found, nn.Module) and found.__module__ == module
