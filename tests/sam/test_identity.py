from __future__ import annotations

from pathlib import Path

from pipeline.config import ModelConfig
from pipeline.sam import model_identity


def test_identity_follows_the_content(checkpoint: Path, tmp_path: Path) -> None:
    copy, yaml = tmp_path / "copy.pt", tmp_path / "own.yaml"
    copy.write_bytes(checkpoint.read_bytes())
    yaml.write_text("model: {}")

    def identity(**settings: object) -> str:
        return model_identity(ModelConfig.model_validate(settings))

    mine = identity(config=str(yaml), checkpoint=checkpoint)
    assert identity(config=str(yaml), checkpoint=copy) == mine
    copy.write_bytes(b"trained on")
    assert identity(config=str(yaml), checkpoint=copy) != mine
    yaml.write_text("model: {image_size: 512}")
    assert identity(config=str(yaml), checkpoint=checkpoint) != mine
    assert identity(name="sam2.1_hiera_tiny") != identity(name="sam2.1_hiera_small")
