"""The driver's cost: `python -m tests.bench.scale [FRAMES …]` prints the table of README.md.

Data sets consist of hard links to a few files, so that a million frames fit on any disk. Each stage
runs in its own process, to measure its wall and processor time and its peak memory. Refinement is
a no-op, which leaves discovery, planning, scheduling, the journal, and the summary.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distributed import Client, WorkerPlugin

FRAMES_A_SCENE = 1000
LINKS_A_FILE = 25_000
"""Links to one file; results double those of an id map, which file systems still allow."""

SIZES = (10_000, 100_000, 1_000_000)
LARGEST_RUN = 100_000


class NoOp(WorkerPlugin):
    """A plugin that skips reading, refining and writing on a worker, and keeps all threads."""

    name = "no-op"

    def setup(self, worker: object) -> None:
        leave_out_the_work()


def leave_out_the_work() -> None:
    from types import SimpleNamespace

    import numpy as np

    from pipeline.clock import StageClock
    from pipeline.records import Refinement
    from pipeline.run import partition
    from pipeline.run.frame import LoadedFrame
    from pipeline.sam.factory import SamFactory

    nothing = np.zeros((1, 1), np.uint16)
    stats = dict.fromkeys(
        ("invalid_ratio", "n_objects", "n_proposals", "direct", "merged", "matched", "fallback"),
        0.5,
    )
    loaded = LoadedFrame(np.zeros((1, 1, 3), np.uint8), nothing, "", StageClock())
    SamFactory.make = lambda *_: SimpleNamespace(images_per_call=1)
    partition.read_frame = lambda *_: loaded
    refined = Refinement(nothing, (), stats)
    partition.propose_together = lambda frames, *_: [nothing] * len(frames)
    partition.refine = lambda *_: refined
    partition.write_frame = lambda *_: None


def make_data(root: Path, frames: int) -> None:
    """Write scenes whose files are links to a few real ones."""
    from PIL import Image

    from pipeline.dataset import write_ids

    source = root / "source"
    source.mkdir(parents=True)
    import numpy as np

    for number in range(frames):
        if number % LINKS_A_FILE == 0:
            image, ids = source / f"{number}.png", source / f"{number}.pth"
            Image.new("RGB", (8, 8)).save(image)
            write_ids(ids, np.ones((8, 8), np.uint16), "pth", {})
        scene = root / f"scene_{number // FRAMES_A_SCENE:04d}"
        if number % FRAMES_A_SCENE == 0:
            for folder in ("images", "obj_ids", "obj_ids_refine"):
                (scene / folder).mkdir(parents=True)
        name = f"frame_{number % FRAMES_A_SCENE:06d}.png"
        os.link(image, f"{scene}/images/{name}")
        os.link(ids, f"{scene}/obj_ids/{name}.pth")


def settings() -> dict[str, Any]:
    return {
        "model": {"name": "demo"},
        "cluster": {"kind": "cpu", "workers": 2, "dashboard_address": "127.0.0.1:0"},
        "run": {"log_level": "error"},
    }


def plan(root: Path) -> None:
    """Discover and judge every frame, as a run does before its first one."""
    from pipeline.config import load_config
    from pipeline.dataset import Layout, discover
    from pipeline.record.journal import open_journal, read_journal
    from pipeline.record.plan import judge_frames, make_plan
    from pipeline.record.tally import Tally

    config = load_config(settings())
    layout = Layout(root, config.data, config.output)
    frames = discover(root, config.data).frames
    tally = Tally()
    tally.expect({frame.scene: 0 for frame in frames})
    with (
        open_journal(layout.record.journal) as record,
        read_journal(layout.record.journal) as journal,
    ):
        make_plan(judge_frames(frames, journal, layout, "f00d"), "none", record, tally)


def put_on_record(root: Path) -> None:
    """Link a result for every frame, and write the journal of the run that made the results."""
    from pipeline.config import load_config
    from pipeline.dataset import Layout, discover, stamp
    from pipeline.record.journal import Entry, open_journal
    from pipeline.records import STAGES, FrameOutcome

    config = load_config(settings())
    layout = Layout(root, config.data, config.output)
    with open_journal(layout.record.journal) as journal:
        for frame in discover(root, config.data).frames:
            inputs = tuple(map(stamp, (layout.image_path(frame), layout.ids_path(frame))))
            os.link(layout.ids_path(frame), layout.output_path(frame))
            outcome = FrameOutcome(
                frame,
                "done",
                dict.fromkeys(STAGES, 0.123456),
                dict.fromkeys(("invalid_ratio", "n_objects", "matched", "merged", "fallback"), 0.5),
            )
            output = stamp(layout.output_path(frame))
            journal.append([Entry(outcome, "f00d", inputs, output)])  # type: ignore[arg-type]


def resume(root: Path) -> None:
    """Plan again after every frame is done."""
    plan(root)


def status(root: Path) -> None:
    """Read the status."""
    from pipeline.record.status import read_status

    assert read_status(root, settings()).total.frames


def run(root: Path) -> None:
    """Run on two workers that skip the work on frames."""
    import pipeline
    from pipeline.cluster import open_client
    from pipeline.config import load_config

    client: Client
    with open_client(load_config(settings()).cluster) as client:
        client.register_plugin(NoOp())
        start = time.perf_counter()
        before = time.process_time()
        assert pipeline.refine_dataset(root, settings(), client).complete
        print(f"inside: {time.perf_counter() - start:.1f} s wall", end=", ", flush=True)
        print(f"{time.process_time() - before:.1f} s of the driver's processor", flush=True)


def measure(stage: Callable[[Path], None], root: Path, report: Any) -> None:
    import pipeline.record.status
    import pipeline.run.runner

    # Modules that take seconds to import are loaded before the clock starts.
    assert pipeline.run.runner
    assert pipeline.record.status
    start, before = time.perf_counter(), time.process_time()
    stage(root)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    report.put((time.perf_counter() - start, time.process_time() - before, peak))


def apart(stage: Callable[[Path], None], root: Path, frames: int) -> None:
    """Run a stage in a process of its own, and print its row."""
    context = multiprocessing.get_context("spawn")
    report = context.Queue()
    process = context.Process(target=measure, args=(stage, root, report))
    process.start()
    wall, busy, peak = report.get()
    process.join()
    row = f"| {stage.__name__} | {frames} | {wall:.1f} s | {busy:.1f} s | {peak:.2f} GB |"
    print(row, f"{1e3 * busy / frames:.3f} ms |", flush=True)


def main() -> None:
    """Print the table."""
    for frames in [int(word) for word in sys.argv[1:]] or SIZES:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "scans"
            make_data(root, frames)
            apart(plan, root, frames)
            if frames <= LARGEST_RUN:
                apart(run, root, frames)
                shutil.rmtree(root / "autorefiner")
            apart(put_on_record, root, frames)
            apart(resume, root, frames)
            apart(status, root, frames)


if __name__ == "__main__":
    main()
