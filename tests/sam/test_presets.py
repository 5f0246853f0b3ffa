"""Every preset in `configs/` can be loaded and begins with its purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.sam.registry import find_source

PRESETS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def test_there_are_presets() -> None:
    assert {"demo.yaml", "fast.yaml", "quality.yaml"} <= {path.name for path in PRESETS}


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.name)
def test_every_preset_loads_and_begins_with_its_purpose(path: Path) -> None:
    config = load_config(path)
    assert find_source(config.model).architecture
    assert path.read_text().startswith("# ")
