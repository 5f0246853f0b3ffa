"""The reports of an export and of an import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.text import printable

EXAMPLES = 3


@dataclass(slots=True)
class Left:
    """Items of one kind that were left out: their count and the first few."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Count an item, and keep its text if it is among the first."""
        self.count += 1
        if self.count <= EXAMPLES:
            self.examples.append(text)

    def lines(self, words: str) -> list[str]:
        """Return a line with the count and one for each example; [] if nothing was left out."""
        if not self.count:
            return []
        more = [f"  and {self.count - EXAMPLES} more"] if self.count > EXAMPLES else []
        examples = [f"  {printable(text)}" for text in self.examples]
        return [f"{words}: {self.count}", *examples, *more]


@dataclass(slots=True)
class ExportReport:
    """What an export wrote."""

    folder: Path
    form: str
    n_scenes: int = 0
    n_frames: int = 0
    n_objects: int = 0
    """Masks: objects in frames."""
    up_to_date: bool = False
    """Whether an earlier export had written everything already."""
    left_out: Left = field(default_factory=Left)
    other_size: Left = field(default_factory=Left)
    """Frames whose ids differ in size from their image."""
    renumbered: list[str] = field(default_factory=list)
    """Scenes whose ids did not fit the format; `ids.csv` lists their numbers."""
    joined: list[Path] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every frame was exported."""
        return not self.left_out.count

    def as_text(self) -> str:
        """Return a few lines for a terminal."""
        lines = [
            f"{self.form}: {self.n_frames} frame(s) of {self.n_scenes} scene(s), "
            f"{self.n_objects} mask(s)" + (", there already" if self.up_to_date else "")
        ]
        lines += self.left_out.lines("left out, without usable ids")
        words = "masks of another size than their image, which tools may draw in the wrong place"
        lines += self.other_size.lines(words)
        if self.renumbered:
            lines.append(
                f"numbered anew, see ids.csv: {len(self.renumbered)} scene(s), such as "
                f"{printable(self.renumbered[0])}"
            )
        lines.append(f"written: {self.folder}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.as_text()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import wrote."""

    folder: str
    """Folder of the maps, with `<scene>` for a scene's name."""
    truth: str | None
    """The value of `evaluate --truth` for the maps; None if they lie outside the data root, where
    no input may lie."""
    input_settings: Mapping[str, str]
    """The settings with which a run takes the maps as its input."""
    n_frames: int
    n_written: int
    """Maps that were new or changed."""
    n_numbered: int
    """Masks without an id, each of which became an object of its own."""
    unmatched: Left
    """Images that match no frame of the data set."""

    @property
    def complete(self) -> bool:
        """Whether every image of the source matched a frame."""
        return not self.unmatched.count

    def as_text(self) -> str:
        """Return a few lines for a terminal."""
        lines = [f"{self.n_frames} frame(s), {self.n_written} map(s) written"]
        if self.n_numbered:
            lines.append(f"masks without an id, each an object of its own now: {self.n_numbered}")
        lines += self.unmatched.lines("left out, no frame of the data set")
        lines.append(f"maps: {self.folder}")
        if self.truth:
            lines.append(f"as truth: evaluate --truth '{self.truth}'")
        if self.input_settings:
            settings = " ".join(f"--set {k}='{v}'" for k, v in self.input_settings.items())
            lines.append(f"as input: run {settings}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.as_text()
