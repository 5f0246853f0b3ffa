"""A frame that is open for editing: its maps, and the map under construction."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from pipeline.dataset import Layout, read_inputs
from pipeline.dataset.fixes import Fix, digest_map, fix_digest, read_fix
from pipeline.dataset.id_maps import read_ids
from pipeline.errors import FrameError
from pipeline.records import FrameRef
from pipeline.reviewing.areas import Mask
from pipeline.reviewing.drafts import Draft, Drafts
from pipeline.reviewing.editing import History, Ids


@dataclass(frozen=True, slots=True, eq=False)
class AskedMask:
    """The mask that the last clicks gave."""

    number: int
    """Counts the masks of a frame, so that an operation can say which one it means."""
    mask: Mask
    """(H, W)."""
    clicks: int
    """Number of clicks, a box counted as one."""


@dataclass(slots=True, eq=False)
class OpenFrame:
    """A frame in memory; whoever changes it holds its lock."""

    frame: FrameRef
    image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    """(H', W', 3)."""
    coarse: Ids
    """(H, W)."""
    refined: Ids | None
    """(H, W); None if there is no result, or none that can be read."""
    problem: str
    """Why there is no result; empty if there is one."""
    fix: Fix | None
    seen: str | None
    """Digest of the fix that editing began from; None if there was none."""
    based_on: str
    """Digest of the map that editing began from."""
    history: History
    is_draft: bool = False
    """Whether there are changes that are not saved."""
    version: int = 0
    """Grows with every change, so that a page that shows an older state is noticed."""
    saved: Counter[str] = field(default_factory=Counter)
    """How often each kind of change was made when the frame was last saved."""
    note: str = ""
    """What an earlier session did, taken over from its draft."""
    asked: AskedMask | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def ids(self) -> Ids:
        """The map under construction, (H, W)."""
        return self.history.ids

    def layer(self, name: str) -> Ids | None:
        """Return one of the maps: `coarse`, `refined`, `fixed` on disk, or `edited`."""
        if name == "fixed":
            return self.fix.ids if self.fix else None
        return {"coarse": self.coarse, "refined": self.refined, "edited": self.ids}[name]

    def describe(self) -> str:
        """Return what was done, for people, such as `clicks 3, brush 1`."""
        made = self.history.counts() - self.saved
        done = ", ".join(f"{kind} {count}" for kind, count in sorted(made.items()))
        return ", then ".join(part for part in (self.note, done) if part)[-1000:]

    def as_draft(self) -> Draft:
        """Return the map under construction as a draft."""
        return Draft(self.ids, self.based_on, self.seen, self.describe())


def open_frame(layout: Layout, frame: FrameRef, drafts: Drafts) -> OpenFrame:
    """Read the image and all maps of a frame; editing goes on from a draft, if there is one.

    Without a draft it begins from the fix, else from the result, else from the coarse map.

    Raises
    ------
    FrameError
        The image, the coarse ids or the fix cannot be read.
    """
    # The digest comes first, so that a fix saved in between is noticed when this one is saved.
    seen = fix_digest(layout, frame)
    fix = read_fix(layout, frame)
    image, coarse = read_inputs(frame, layout)
    coarse_ids = coarse.astype(np.uint16)
    refined, problem = _read_result(layout, frame, coarse_ids.shape)
    start, based_on = _start(layout, frame, coarse_ids, refined, fix, seen)
    opened = OpenFrame(
        frame, image, coarse_ids, refined, problem, fix, seen, based_on, History(start.copy())
    )
    draft = drafts.read(frame)
    if draft and draft.ids.shape == coarse_ids.shape:
        opened.history = History(draft.ids)
        opened.seen, opened.note, opened.is_draft = draft.seen, draft.note, True
        opened.based_on = draft.based_on or based_on
    return opened


def _read_result(layout: Layout, frame: FrameRef, shape: tuple[int, ...]) -> tuple[Ids | None, str]:
    path = layout.output_path(frame)
    if not path.exists():
        return None, "this frame has no result yet"
    try:
        refined = read_ids(path).astype(np.uint16)
    except FrameError as error:
        return None, str(error)
    if refined.shape != shape:
        return None, f"{path}: found a result of size {refined.shape}; expected {shape}"
    return refined, ""


def _start(
    layout: Layout,
    frame: FrameRef,
    coarse: Ids,
    refined: Ids | None,
    fix: Fix | None,
    seen: str | None,
) -> tuple[Ids, str]:
    """Return the map to begin from and the digest of its file."""
    if fix is not None and seen is not None and fix.ids.shape == coarse.shape:
        return fix.ids, seen
    if refined is not None:
        return refined, digest_map(layout.output_path(frame))
    return coarse, digest_map(layout.ids_path(frame))
