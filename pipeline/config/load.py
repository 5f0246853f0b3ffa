"""Loading a `Config` from nothing, a mapping, a YAML file, or another `Config`.

Overrides `section.key=value` from the command line are applied last.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from pipeline.config.settings import Config, section_fields
from pipeline.errors import ConfigError
from pipeline.plain_yaml import MAX_CHARACTERS, YamlError, read_yaml

_MOST_LINES = 100
_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 100
"""Shortens the wrong value of a setting, so that it fits into a line of the error."""


_NAMES = (
    ("data", "scenes"),
    ("data", "images_dir"),
    ("data", "ids_dir"),
    ("output", "dir"),
    ("output", "fixes_dir"),
)
"""Settings that name folders. They are read as text, since YAML takes many such names for numbers
or dates."""

_PATTERNS = (("data", "images"), ("data", "ids"), ("output", "path"))
_QUOTING = ('"', "'", "[")
"""First characters of values of these settings that are read as YAML all the same."""

ConfigLike: TypeAlias = Config | Mapping[str, Any] | str | Path | None


def load_config(config: ConfigLike = None, overrides: Iterable[str] = ()) -> Config:
    """Return the validated `Config` of a mapping, a file or another `Config`, with overrides.

    Parameters
    ----------
    config
        None for the defaults, a `Config`, a mapping of sections, or the path of a YAML file.
    overrides
        Strings `section.key=value`, applied last; the value is read as YAML.

    Raises
    ------
    ConfigError
        The file cannot be read, or a setting is unknown, of the wrong type or out of range. All
        wrong settings are named at once.
    """
    if isinstance(config, (str, Path)):
        source, tree = str(config), _read_yaml(Path(config))
    elif isinstance(config, Config):
        source, tree = "config", config.model_dump()
    else:
        source, tree = "config", {k: _plain(v) for k, v in dict(config or {}).items()}
    # YAML reads a section without lines, or with comments only, as None.
    tree = {section: {} if part is None else part for section, part in tree.items()}
    for override in overrides:
        _apply_override(tree, override)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(_explain(source, error)) from None


def with_absolute_paths(config: Config) -> Config:
    """Return settings with absolute paths, for workers with another working directory."""
    model, output = config.model, config.output
    architecture = model.config
    if architecture and Path(architecture).is_file():
        architecture = str(_absolute(Path(architecture)))
    of_model = {
        "config": architecture,
        "checkpoint": _absolute(model.checkpoint),
        "cache_dir": _absolute(model.cache_dir),
    }
    return config.model_copy(
        update={
            "model": model.model_copy(update=of_model),
            "output": output.model_copy(update={"root": _absolute(output.root)}),
        }
    )


def _absolute(path: Path | None) -> Path | None:
    return path and path.absolute()


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            tree = read_yaml(file.read(MAX_CHARACTERS + 1), _NAMES)
    except (OSError, UnicodeDecodeError, YamlError) as error:
        hint = " (in a YAML file a value that begins with { or * needs quotes)"
        raise ConfigError(
            f"{path}: cannot be read as a YAML config: {error}{hint * isinstance(error, YamlError)}"
        ) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: found a {type(tree).__name__}; expected a mapping of sections")
    return tree


def _plain(section: Any) -> Any:
    if isinstance(section, BaseModel):
        return section.model_dump()
    return dict(section) if isinstance(section, Mapping) else section


def _apply_override(tree: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    section, dot, key = path.strip().partition(".")
    if not (equals and dot and section and key):
        raise ConfigError(f"--set {override}: expected section.key=value")
    way = (section.strip(), key.strip())
    plain = text.strip()
    is_null = plain == "" or (way in _PATTERNS and plain in ("null", "~"))
    if way in (*_NAMES, *_PATTERNS) and not is_null and not plain.startswith(_QUOTING):
        # YAML would read {scene} as a mapping and * as an alias.
        value: Any = plain
    else:
        value = _read_value(override, text, [()] if way in _NAMES else ())
    part = tree.setdefault(section, {})
    if isinstance(part, dict):
        part[key] = value


def _read_value(override: str, text: str, texts: Iterable[tuple[str, ...]]) -> Any:
    try:
        return read_yaml(text, texts)
    except YamlError as error:
        raise ConfigError(f"--set {override}: the value is not YAML: {error}") from None


def _explain(source: str, error: ValidationError) -> str:
    lines = []
    for issue in error.errors(include_url=False):
        # A key may contain anything, control codes of a terminal included.
        where = ".".join(ascii(str(step))[1:-1] for step in issue["loc"])
        if issue["type"] == "extra_forbidden":
            lines.append(f"{where}: unknown setting; known here: {_known_names(issue['loc'])}")
        else:
            message = issue["msg"].removeprefix("Value error, ")
            lines.append(f"{where}: {message}, found {_SHOWN.repr(issue['input'])}")
    count = len(lines)
    if count > _MOST_LINES:
        lines[_MOST_LINES:] = [f"and {count - _MOST_LINES} more"]
    return f"{source}: {count} wrong setting(s)\n" + "\n".join(f"  {line}" for line in lines)


def _known_names(loc: tuple[int | str, ...]) -> str:
    fields = Config.model_fields
    if len(loc) > 1:
        fields = section_fields(fields[str(loc[0])].annotation)
    return ", ".join(fields)
