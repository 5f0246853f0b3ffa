"""Paths in settings are expanded as a shell would, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config, load_config
from pipeline.config.settings import section_fields
from pipeline.errors import ConfigError

WRITTEN = (
    "~/out",
    "$HOME/out",
    "${HOME}/out",
    "${oc.env:HOME}/out",
    "${oc.env:NOWHERE,/home/me}/out",
)


@pytest.fixture(autouse=True)
def home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("NOWHERE", raising=False)


@pytest.mark.parametrize("written", WRITTEN)
def test_home_is_expanded_wherever_settings_come_from(tmp_path: Path, written: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"output:\n  root: {written}\n")
    expected = Path("/home/me/out")
    assert load_config(file).output.root == expected
    assert load_config(None, [f"output.root={written}"]).output.root == expected
    assert load_config({"output": {"root": Path(written)}}).output.root == expected
    assert load_config(load_config(file)).output.root == expected


@pytest.mark.parametrize(
    "written",
    [
        "$NOWHERE/out",
        "${NOWHERE}",
        "${oc.env:NOWHERE}/out",
        "${now:%Y}/out",
        "${HOME",
        "~nobody-x/o",
    ],
)
def test_what_cannot_be_expanded_is_refused(written: str) -> None:
    with pytest.raises(ConfigError, match=r"output\.root"):
        load_config({"output": {"root": written}})


def test_every_path_is_expanded() -> None:
    paths = [
        (section, key)
        for section, part in Config.model_fields.items()
        for key, field in section_fields(part.annotation).items()
        if "Path" in str(field.annotation)
    ]
    assert len(paths) >= 8
    for section, key in [*paths, ("model", "config"), ("output", "mirror")]:
        config = load_config({section: {key: "$HOME/x"}})
        assert str(getattr(getattr(config, section), key)) == "/home/me/x"


@pytest.mark.parametrize("path", ["cost$", "a$1", "s3://bucket/a~b", "/data/$$"])
def test_other_dollars_stay(path: str) -> None:
    assert load_config({"output": {"mirror": path}}).output.mirror == path
