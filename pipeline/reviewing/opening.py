"""Making the queue of a data set from what lies on its disk."""

from __future__ import annotations

from pipeline.dataset import Layout, discover
from pipeline.dataset.fixes import fixed_frames
from pipeline.errors import ConfigError, StorageError
from pipeline.report.counted import read_gaps
from pipeline.reviewing.drafts import Drafts
from pipeline.reviewing.figures import FrameFigures, read_figures, without_figures
from pipeline.reviewing.queue import Queue, State
from pipeline.statistics.saved import find_tables


def make_queue(layout: Layout, drafts: Drafts) -> tuple[Queue, list[str]]:
    """Return the queue of a data set, and what could not be used for it, a line each.

    The frames are those of the journal; without a journal, those that are found, in their order.

    Raises
    ------
    DatasetError
        There is neither a journal nor a frame.
    StorageError
        The journal cannot be read.
    """
    figures, problems = _read(layout)
    flicker, problem = _flicker(layout)
    queue = Queue.of(figures, flicker)
    for scene in sorted(set(figures.scenes)):
        fixed = [(scene, image) for image in fixed_frames(layout, scene)]
        queue.set_state(fixed, State.FIXED)
    queue.set_state(drafts.frames(), State.DRAFT)
    return queue, [*problems, *problem]


def _read(layout: Layout) -> tuple[FrameFigures, list[str]]:
    path = layout.record.journal
    try:
        with path.open("rb") as journal:
            figures = read_figures(journal)
    except FileNotFoundError:
        figures = without_figures([])
    except OSError as error:
        raise StorageError(f"{path}: the journal cannot be read: {error}") from None
    if len(figures):
        return figures, []
    found = without_figures(discover(layout.data_root, layout.data).frames)
    return found, ["no run is on record, so nothing tells which frames are doubtful"]


def _flicker(layout: Layout) -> tuple[dict[tuple[str, str], int], list[str]]:
    """Return how many objects flicker in each frame, as far as `autorefiner stats` counted."""
    tables = find_tables(layout.record.statistics)
    if tables is None:
        return {}, ["flicker is not known: `autorefiner stats` counts it"]
    try:
        return dict(read_gaps(tables, {})), []
    except (ConfigError, StorageError) as error:
        return {}, [str(error)]
