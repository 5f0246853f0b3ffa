"""The joined files of an export, streamed from its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from pipeline.dataset.whole_files import write_streaming
from pipeline.exchange.exporting.chunks import Chunk
from pipeline.exchange.exporting.folder import check_folder
from pipeline.exchange.exporting.parts import Parts
from pipeline.exchange.formats.form import Joined, Per


def join(
    chunks: Iterable[Chunk], parts: Parts, folder: Path, joined: Joined, per: Per
) -> Iterator[Path]:
    """Write one joined file for the data set or one for each scene; yield their paths."""
    if per == "dataset":
        yield _write(folder, f"{joined.stem}{joined.suffix}", list(chunks), parts, joined)
        return
    for scene, of_scene in groupby(chunks, key=lambda chunk: chunk.scene):
        name = f"{joined.stem}/{scene}{joined.suffix}"
        yield _write(folder, name, list(of_scene), parts, joined)


def _write(folder: Path, name: str, chunks: list[Chunk], parts: Parts, joined: Joined) -> Path:
    path = folder / name
    check_folder(folder, path.parent)
    write_streaming(path, (text.encode() for text in _texts(chunks, parts, joined)))
    return path


def _texts(chunks: list[Chunk], parts: Parts, joined: Joined) -> Iterator[str]:
    yield joined.opening
    for section in joined.sections:
        yield section.before
        between = ""
        for chunk in chunks:
            for line in parts.lines(chunk.name, section.name):
                yield f"{between}{line}"
                between = section.between
        yield section.after
    yield joined.closing
