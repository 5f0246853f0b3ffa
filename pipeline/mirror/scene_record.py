"""The record of one scene in a mirror: which frames it holds, copied from which result files.

A result file is identified by its stamp, as in the journal. The record is saved at intervals, and
always after the chunks; a chunk that the saved record lacks is copied again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import zarr

from pipeline.dataset import Stamp
from pipeline.mirror.scheme import (
    FILES,
    IDS,
    NO_FILE,
    chunk_name,
    chunk_number,
    size_of,
)
from pipeline.mirror.store import list_names, remove


@dataclass(slots=True)
class SceneRecord:
    """The frames of a scene that are in the mirror."""

    url: str
    group: zarr.Group
    frames_per_file: int
    numbers: dict[str, int]
    """Position of each frame along the first axis, by the name of its image."""
    files: npt.NDArray[np.int64]
    """(frames, 2): stamp of the result that each frame was copied from, else `NO_FILE`."""
    chunks: dict[str, set[int]] = field(default_factory=dict)
    """Numbers of the chunk files of each array of ids, as last listed."""
    is_changed: bool = False

    def holds(self, image: str, result: Stamp) -> bool:
        """Return whether the mirror holds a frame's chunk, copied from a result with this stamp."""
        number = self.numbers[image]
        return tuple(self.files[number]) == result and any(self._chunks_of(number))

    def has_traces(self, image: str) -> bool:
        """Return whether the mirror has a chunk or a record of a frame, from any result."""
        number = self.numbers[image]
        return self.files[number, 0] != NO_FILE or any(self._own_chunks(number))

    def note(self, image: str, result: Stamp) -> None:
        """Record that the chunk of a frame was written from a result."""
        self.files[self.numbers[image]] = result
        self.is_changed = True

    def forget(self, images: Iterable[str]) -> None:
        """Remove frames from the record, and delete the chunks that hold one of them alone.

        A shard stays, since it is only replaced as a whole; frames off the record do not count.
        """
        numbers = [self.numbers[image] for image in images]
        if any(self.files[number, 0] != NO_FILE for number in numbers):
            # The record is saved first, so that after an interruption the chunks do not count.
            self.files[numbers] = NO_FILE
            self.is_changed = True
            self.save()
        own = [(name, number) for number in numbers for name in self._own_chunks(number)]
        remove(self.url, (f"{self.group.path}/{name}/{chunk_name(n)}" for name, n in own))
        for name, number in own:
            self.chunks[name].discard(number)

    def list_chunks(self) -> None:
        """List the chunk files of every array of ids."""
        names = list_names(self.url, self.group.path)
        self.chunks = {
            name: {
                number
                for file in list_names(self.url, f"{self.group.path}/{name}")
                if (number := chunk_number(file)) is not None
            }
            for name in names
            if name == IDS or size_of(name)
        }

    def save(self) -> None:
        """Write the record and the size of every frame, if the record has changed."""
        if not self.is_changed:
            return
        self.group[FILES][:] = self.files  # type: ignore[index]
        self.group.update_attributes({"sizes": self._sizes()})
        self.is_changed = False

    def _sizes(self) -> list[list[int] | None]:
        """Return the size of each frame; sizes other than the scene's come from listing chunks."""
        names = list_names(self.url, self.group.path)
        main = self.group[IDS].shape[1:] if IDS in names else None  # type: ignore[union-attr]
        sizes = [main] * len(self.numbers)
        if any(size_of(name) for name in names):
            self.list_chunks()
            for name, numbers in self.chunks.items():
                for number in numbers if size_of(name) else ():
                    sizes[number] = size_of(name)
        return [
            list(size) if size and known != NO_FILE else None
            for size, known in zip(sizes, self.files[:, 0], strict=True)
        ]

    def _chunks_of(self, number: int) -> Iterator[str]:
        """Yield the arrays with a chunk or shard that may hold a frame."""
        yield from self._own_chunks(number)
        if self.frames_per_file > 1 and number // self.frames_per_file in self.chunks.get(IDS, ()):
            yield IDS

    def _own_chunks(self, number: int) -> Iterator[str]:
        """Yield the arrays with a chunk that holds this frame alone."""
        for name, numbers in self.chunks.items():
            if number in numbers and (name != IDS or self.frames_per_file == 1):
                yield name
