"""Write the pages that follow from the code: every setting, and every command with its flags.

make docs        (a test fails while they differ from the code)
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
import click
from pydantic.fields import FieldInfo

from pipeline.cli import main as command_line
from pipeline.cli.run import WORKED_LINES
from pipeline.config import Config

FOLDER = Path(__file__).parent

SETTINGS_HEAD = """\
# Settings

Every setting with its default, as `pipeline/config/settings.py` declares it. Set them in a YAML
file (`--config FILE`), over it with `--set section.key=value`, or in Python as a mapping:

```yaml
model:
  name: sam2.1_hiera_small
output:
  format: png
```

Unknown names and wrong values are refused, all at once, before anything is done. Results depend on
the settings marked *shapes results*: when one of these changes, what was made before is *stale*,
and stays until `--redo stale`.
"""

DATA_SETS = """\
Known data sets are refined where they lie; [data layout](data-layout.md) says more of each, and of
patterns for all others.
"""

COMMANDS_HEAD = """\
# Commands

What `autorefiner COMMAND --help` prints.
"""


def settings_page() -> str:
    """Lay out every setting as Markdown tables."""
    parts = [SETTINGS_HEAD]
    for name, section in Config.model_fields.items():
        model: Any = section.annotation
        parts.append(f"## `{name}`\n\n{model.__doc__}\n")
        parts.append("| setting | default | values | meaning | shapes results |")
        parts.append("| --- | --- | --- | --- | --- |")
        parts += [_setting_row(f"{name}.{key}", field) for key, field in model.model_fields.items()]
        parts.append("")
        if name == "data":
            parts += [DATA_SETS, *_worked_lines(), ""]
    return "\n".join(parts)


def _worked_lines() -> list[str]:
    rows = [f"| {made} | `{command}` |" for made, command in WORKED_LINES.items()]
    return ["| data set, and what makes its files | then |", "| --- | --- |", *rows]


def _setting_row(name: str, field: FieldInfo) -> str:
    extra: Any = field.json_schema_extra
    shapes = "yes" if extra["shapes_results"] else ""
    default = "-" if field.default in (None, ()) else f"`{_plain(field.default)}`"
    values = _values(field.annotation, field.metadata)
    meaning = str(field.description).replace("|", "\\|")
    return f"| `{name}` | {default} | {values} | {meaning} | {shapes} |"


def _plain(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _values(kind: Any, metadata: Any = ()) -> str:
    """Say in words what a type accepts."""
    origin = get_origin(kind)
    if origin is Annotated:
        base, *metadata = get_args(kind)
        return _values(base, metadata)
    if origin in (Union, types.UnionType):
        options = [_values(each) for each in get_args(kind) if each is not type(None)]
        return " or ".join(dict.fromkeys(options))
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if origin is tuple:
        one = _values(get_args(kind)[0])
        return "a list of " + (f"{one.removeprefix('a ')}s" if one.startswith("a ") else one)
    if kind in (int, float):
        bounds = _bounds(metadata)
        return ("a whole number" if kind is int else "a number") + (f" {bounds}" if bounds else "")
    return {bool: "`true` or `false`", Path: "a path"}.get(kind, "text")


def _bounds(metadata: Any) -> str:
    """Say the bounds of a number, wherever pydantic keeps them."""
    flat = [bound for part in metadata for bound in getattr(part, "metadata", [part])]
    words = []
    for bound in flat:
        if isinstance(bound, annotated_types.Ge):
            words.append(f"≥ {bound.ge:g}")  # type: ignore[str-format]
        elif isinstance(bound, annotated_types.Gt):
            words.append(f"> {bound.gt:g}")  # type: ignore[str-format]
        elif isinstance(bound, annotated_types.Le):
            words.append(f"≤ {bound.le:g}")  # type: ignore[str-format]
    return " and ".join(words)


def commands_page() -> str:
    """Lay out the help of every command."""
    parts = [COMMANDS_HEAD]
    for name, command in sorted(command_line.commands.items()):
        parent = click.Context(command_line, info_name="autorefiner")
        context = click.Context(command, info_name=name, parent=parent, terminal_width=100)
        parts.append(f"## `autorefiner {name}`\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


PAGES = {"settings.md": settings_page, "commands.md": commands_page}


if __name__ == "__main__":
    for file_name, make in PAGES.items():
        (FOLDER / file_name).write_text(make(), encoding="utf-8")
