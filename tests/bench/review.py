"""The review page: time until the queue is there on many frames, and the time of a click.

Run as `python -m tests.bench.review [scenes] [frames] [width] [height]`. The queue is that of a
made-up journal in which every frame has a line and a tenth have two. Clicks go to the demo model,
on a drawn room of the given size, through the server as a browser sends them. Times are wall times;
those of the processor are beside them, since machines are shared. At last the truth clicks on
objects of drawn rooms that are wrong after refinement.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import torch

import pipeline
from pipeline.config import load_config
from pipeline.demo.scan.view import coarse_views
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.demo.write import write_demo_dataset
from pipeline.record.opening import open_dataset
from pipeline.reviewing.clicks import Clicker
from pipeline.reviewing.desk import Desk
from pipeline.sam.clicks import Clicks
from tests.bench.report import write_record
from tests.bench.user import iou, next_click, with_click

CLICKS = 9
CORRECTIONS = 4


@contextmanager
def timed(what: str) -> Iterator[None]:
    wall, processor = time.perf_counter(), time.process_time()
    yield
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{what}: {wall:.2f} s, of the processor {processor:.2f} s")


def many_of(what: str, work: Callable[[], None], count: int = CLICKS) -> None:
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    print(f"{what}: median {np.median(times):.3f} s, at most {max(times):.3f} s")


def measure_queue(n_scenes: int, n_frames: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_record(root, n_scenes, n_frames)
        size = (root / "autorefiner" / "journal.jsonl").stat().st_size
        print(f"{n_scenes} scenes, {n_frames} frames, a journal of {size / 2**20:.0f} MiB")
        with timed("queue"):
            desk = Desk(open_dataset(root), "bench")
            desk.queue.rows(desk.queue.select("doubt"), 0, 100)
        many_of("another order", lambda: desk.queue._orders.clear() or ask_rows(desk, "area"))
        many_of("a search", lambda: ask_rows(desk, "doubt", "3f 0001"))


def ask_rows(desk: Desk, rank: str, words: str = "") -> None:
    desk.queue.rows(desk.queue.select(rank, "open", words), 0, 100)


def measure_clicks(size: tuple[int, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_demo_dataset(root, 1, 1, size, seed=9, severity=1.0)
        config = {"model": {"name": "demo"}}
        with pipeline.review(root, config, author="bench") as review:
            token = review.url.partition("token=")[2]
            about = {"scene": "scene_0000", "image": "frame_000000.jpg"}

            def post(path: str, **body: object) -> dict[str, object]:
                connection = HTTPConnection("127.0.0.1", review.port, timeout=600)
                headers = {"X-Review-Token": token, "Content-Type": "application/json"}
                connection.request("POST", path, json.dumps({**about, **body}), headers)
                response = connection.getresponse()
                response.read()
                assert response.status == 200, response.status
                return json.loads(response.headers.get("X-About", "{}"))

            print(f"a frame of {size[0]} x {size[1]}, the demo model")
            with timed("first use: the model is loaded, the frame encoded"):
                post("/prepare")
            places = np.random.default_rng(0).uniform(0.1, 0.9, (CLICKS, 2)).tolist()

            def click() -> None:
                post("/ask", points=[places.pop()], inside=[True], id=9999)

            many_of("a click anywhere", click)
            state = {"version": 0}

            def stroke() -> None:
                points = np.random.default_rng(state["version"]).uniform(50, 200, (20, 2))
                operation = {"kind": "brush", "id": 7, "points": points.tolist(), "radius": 14}
                answer = post("/edit", version=state["version"], operation=operation)
                state["version"] = int(str(answer["version"]))

            many_of("a stroke, with its draft on the disk", stroke)


def clicks_of_a_user(
    clicker: Clicker,
    image: np.ndarray,
    ids: np.ndarray,
    id_: int,
    truth: np.ndarray,
    with_box: bool,
) -> list[float]:
    """Return the IoU before the first click and after each, made where most is wrong."""
    height, width = truth.shape
    rows, columns = np.nonzero(truth)
    box = (columns.min() / width, rows.min() / height, columns.max() / width, rows.max() / height)
    clicks = Clicks(box=box) if with_box else Clicks()
    drawn = ids == id_
    scores = [iou(drawn, truth)]
    for number in range(CORRECTIONS):
        if (drawn == truth).all():
            scores.append(1.0)
            continue
        if not (with_box and number == 0):
            clicks = with_click(clicks, next_click(drawn, truth), truth)
        drawn, _ = clicker.ask(("room", "1"), image, clicks, ids, id_)
        scores.append(iou(drawn, truth))
    return scores


def measure_truth(seeds: range) -> None:
    """Let the truth click on objects that are wrong after refinement with the demo model."""
    config = load_config({"model": {"name": "demo"}})
    scores: dict[bool, list[list[float]]] = {False: [], True: []}
    for seed in seeds:
        room = make_room(seed)
        cameras = camera_path(room, 2, (640, 480))
        for camera, view in zip(cameras, coarse_views(room, cameras, 1.0), strict=True):
            frame = take(room, camera, 0)
            refined = pipeline.refine_frame(frame.image, view.ids, config).ids
            clicker = Clicker(config)
            for id_ in np.unique(frame.ids)[1:].tolist():
                start, truth = refined == id_, frame.ids == id_
                if truth.sum() >= 400 and iou(start, truth) < 0.85:
                    for with_box, found in scores.items():
                        found.append(
                            clicks_of_a_user(clicker, frame.image, refined, id_, truth, with_box)
                        )
    for with_box, found in scores.items():
        first = "box first" if with_box else "points"
        for name, middle in ("median", np.median), ("mean", np.mean):
            steps = ", ".join(f"{score:.2f}" for score in middle(found, axis=0))
            print(f"{len(found)} objects, {first}: {name} IoU {steps}")


def main(
    n_scenes: int = 200, n_frames: int = 100_000, width: int = 1920, height: int = 1440
) -> None:
    torch.set_num_threads(1)
    measure_queue(n_scenes, n_frames)
    measure_clicks((width, height))
    measure_truth(range(7300, 7304))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
