"""Architectures: a YAML of layers makes a model, and any other is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import ModelError
from pipeline.sam.architecture import build_architecture


@pytest.mark.parametrize(
    "target",
    [
        "os.mkdir",
        "builtins.exec",
        "subprocess.Popen",
        "sam2.build_sam.os.mkdir",
        "sam2.modeling.sam2_base.torch.hub.load",
        "sam2.modeling.backbones.hieradet.Path.mkdir",
        "sam2.modeling.no_such_module.Layer",
        "sam2.build_sam.build_sam2",
        "sam2.modeling.sam2_utils.get_activation_fn",
        "torch.load",
        "torch.nn.modules.linear.torch.load",
        "training.train.main",
        7,
    ],
)
@pytest.mark.parametrize(
    "place", ["model: {{{}}}", "model: {{image_encoder: {{trunk: [{{{}}}]}}}}"]
)
def test_nothing_but_layers_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: object, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "own.yaml"
    path.write_text(place.format(f"_target_: {target}, _args_: [run]"))
    with pytest.raises(ModelError, match=r"own\.yaml: found _target_: .*; expected a layer"):
        build_architecture(str(path))
    assert [*tmp_path.iterdir()] == [path]


def test_a_target_from_the_environment_is_judged_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLED", "os.mkdir")
    path = tmp_path / "own.yaml"
    path.write_text("model: {_target_: '${oc.env:CALLED}', _args_: [run]}")
    with pytest.raises(ModelError, match=r"found _target_: 'os\.mkdir'"):
        build_architecture(str(path))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("model: [", "not a YAML file"),
        ("model: {_target_: torch.nn.modules.linear.Identity}", "describes a Identity; expected"),
        ("model: {_target_: sam2.modeling.sam2_base.SAM2Base}", "does not describe a SAM 2 model"),
        ("encoder: {}", "describes a DictConfig; expected a model"),
        ("", "describes a DictConfig; expected a model"),
        ("[]", "describes a DictConfig; expected a model"),
        ("[1]", "does not describe a SAM 2 model"),
    ],
)
def test_yaml_that_is_no_model(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(content)
    with pytest.raises(ModelError, match=rf"own\.yaml: {complaint}"):
        build_architecture(str(path))


def test_yaml_that_is_nowhere() -> None:
    with pytest.raises(ModelError, match=r"configs/sam3\.yaml: no such architecture"):
        build_architecture("configs/sam3.yaml")


def test_model_without_high_res_features_is_refused(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    text = Path(str(config.model.config)).read_text()
    path.write_text(text.replace("use_high_res_features_in_sam: true", ""))
    with pytest.raises(ModelError, match="use_high_res_features_in_sam"):
        build_architecture(str(path))
