"""Draw the map of the package into pipeline/DESIGN.md, from the code itself.

make docs        (a test fails while the map differs from the code)
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
DESIGN = ROOT / "pipeline" / "DESIGN.md"
BEGIN, END = "<!-- made by docs/make_map.py -->", "<!-- end -->"
IMPORTED_BY_ALL = "config"
"""From this floor down nearly every room imports all others: arrows would hide the picture."""


def floors() -> list[list[str]]:
    """Return the rooms from the top floor to the bottom, as the import contract has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [contract] = (c for c in project["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    return [layer.split(" | ") for layer in contract["layers"]]


def room_map() -> str:
    """Return the picture and the table as Markdown."""
    levels = floors()
    return "\n".join([BEGIN, "", *_picture(levels), "", *_table(levels), "", END])


def _picture(levels: list[list[str]]) -> Iterator[str]:
    bottom = next(n for n, level in enumerate(levels) if IMPORTED_BY_ALL in level)
    yield "```mermaid"
    yield "flowchart TD"
    for above, below in _needed([room for level in levels[:bottom] for room in level]):
        yield f"  {above} --> {below}"
    yield "```"


def _needed(rooms: list[str]) -> Iterator[tuple[str, str]]:
    """Yield which room imports which, without what follows from the others."""
    graph = grimp.build_graph("pipeline", cache_dir=None)
    modules = {
        room: {f"pipeline.{room}", *graph.find_descendants(f"pipeline.{room}")} for room in rooms
    }
    home = {module: room for room, members in modules.items() for module in members}
    direct = {
        room: {
            home[target]
            for module in members
            for target in graph.find_modules_directly_imported_by(module)
            if home.get(target, room) != room
        }
        for room, members in modules.items()
    }

    def reach(room: str) -> set[str]:
        return direct[room].union(*(reach(below) for below in direct[room]))

    for room in rooms:
        hidden = set().union(*(reach(below) for below in direct[room]))
        yield from ((room, below) for below in rooms if below in direct[room] - hidden)


def _table(levels: list[list[str]]) -> Iterator[str]:
    yield "| floor | room | what is in it |"
    yield "| --- | --- | --- |"
    for number, level in zip(range(len(levels) - 1, -1, -1), levels, strict=True):
        yield from (f"| {number} | `{room}` | {_first_line(room)} |" for room in level)


def _first_line(room: str) -> str:
    folder = ROOT / "pipeline" / room
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    if not docstring:
        raise SystemExit(f"{file}: found no docstring; expected one line about the room")
    return docstring.partition("\n")[0].rstrip(".")


def design_page() -> str:
    """Return DESIGN.md with the map of today."""
    text = DESIGN.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    return before + room_map() + rest.partition(END)[2]


if __name__ == "__main__":
    DESIGN.write_text(design_page(), encoding="utf-8")
