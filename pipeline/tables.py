"""Tables of numbers as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Row: TypeAlias = tuple[str, ...]

_CELL = "white-space: pre; padding: 2px 16px 2px 0"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts: words in the first column and numbers in the others, by default."""

    header: Row
    rows: Sequence[Row]
    words: frozenset[int] = frozenset({0})
    """Columns that hold words; they are aligned to the left."""

    def as_text(self) -> str:
        """Return lines for a fixed-width font, with words to the left and numbers to the right."""
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(self._align(line, widths) for line in lines)

    def as_html(self) -> str:
        """Return a `<table>` with the cells escaped."""
        head = self._html_row("th", self.header)
        body = "".join(self._html_row("td", row) for row in self.rows)
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"

    def _align(self, line: Row, widths: list[int]) -> str:
        cells = (
            cell.ljust(width) if column in self.words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    def _html_row(self, tag: str, row: Row) -> str:
        cells = (
            f'<{tag} style="text-align: {side}; {_CELL}">{html.escape(cell)}</{tag}>'
            for column, cell in enumerate(row)
            for side in ["left" if column in self.words else "right"]
        )
        return f"<tr>{''.join(cells)}</tr>"
