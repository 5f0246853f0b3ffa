"""Tables of numbers as text and as HTML."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TypeAlias

Row: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are shown: labels in the first column, numbers in the others."""

    header: Row
    rows: list[Row]

    def as_text(self) -> str:
        """Align labels to the left and numbers to the right, for a fixed-width font."""
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(_align(line, widths) for line in lines)

    def as_html(self) -> str:
        """Return a `<table>`; what the cells hold is escaped."""
        body = "".join(_html_row("td", row) for row in self.rows)
        return f"<table><thead>{_html_row('th', self.header)}</thead><tbody>{body}</tbody></table>"


def _align(line: Row, widths: list[int]) -> str:
    label, *numbers = line
    cells = [label.ljust(widths[0])]
    cells += [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
    return "  ".join(cells).rstrip()


def _html_row(tag: str, row: Row) -> str:
    sides = ["left"] + ["right"] * (len(row) - 1)
    cells = (
        f'<{tag} style="text-align: {side}; white-space: pre">{html.escape(cell)}</{tag}>'
        for side, cell in zip(sides, row, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"
