"""The documentation agrees with the code, and the two READMEs with each other."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.config import load_config

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("pipeline/**/*.md")]
PAGES += [*ROOT.glob("tests/bench/*.md"), *ROOT.glob("training/*.md")]
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("name", ["settings.md", "commands.md"])
def test_reference_pages_say_what_the_code_says(name: str) -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))["PAGES"]
    on_disk = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert on_disk == pages[name](), "run `make docs`"


def test_the_map_of_the_design_is_that_of_the_code() -> None:
    drawn = runpy.run_path(str(ROOT / "docs" / "make_map.py"))["design_page"]()
    assert (ROOT / "pipeline" / "DESIGN.md").read_text(encoding="utf-8") == drawn, "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in main.commands if f"autorefiner {name}" not in readme] == []


def test_commands_in_the_docs_exist_with_their_flags() -> None:
    for page in PAGES:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                words = line.partition("#")[0].split()
                if words[:1] != ["autorefiner"] or len(words) < 2:
                    continue
                command = main.commands[words[1]]
                known = {flag for option in command.params for flag in option.opts}
                used = {word.partition("=")[0] for word in words if word.startswith("--")}
                assert used <= known | {"--help"}, f"{page.name}: {line}"


def test_the_chinese_readme_has_the_same_commands() -> None:
    english, chinese = (
        [
            line.partition("#")[0].strip()
            for block in SHELL.findall((ROOT / name).read_text(encoding="utf-8"))
            for line in block.splitlines()
        ]
        for name in ("README.md", "README.zh.md")
    )
    assert english == chinese


@pytest.mark.parametrize("path", sorted(ROOT.glob("configs/*.yaml")), ids=lambda path: path.stem)
def test_presets_are_valid(path: Path) -> None:
    load_config(path)


def test_what_contributors_are_told_of_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.findall(r"^([a-z]+):", makefile, re.MULTILINE)}
    assert {*re.findall(r"make ([a-z]+)", text)} <= targets
    paths = re.findall(r"`((?:pipeline|tests|training|docs|\.ci)/[\w/.]*|\w+\.(?:md|toml))`", text)
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_contributors_are_told_of_every_extra_for_tests() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [everything] = project["optional-dependencies"]["ci"]
    extras = everything.partition("[")[2].rstrip("]").split(",")
    assert [extra for extra in extras if f"`{extra}`" not in text] == []
