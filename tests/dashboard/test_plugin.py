"""The page and the metrics on a real scheduler."""

from __future__ import annotations

import urllib.request
from types import SimpleNamespace

import pytest
from distributed import Client, LocalCluster

from pipeline.dashboard import RunState, show_on_dashboard
from pipeline.dashboard.headline import headline
from pipeline.dashboard.page import worker_row
from pipeline.dashboard.state import TOPIC, WORKER_METRIC


def fetch(address: str) -> str:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return str(answer.read().decode())


def test_the_page_is_in_the_menu_and_the_figures_are_in_the_metrics(inside_client: Client) -> None:
    link = show_on_dashboard(inside_client)
    assert link is not None
    assert link.endswith("/autorefiner")
    assert show_on_dashboard(inside_client) == link, "a second run adds nothing"
    state = RunState("/scans", 10, kept=3, done=4, failed=1, seconds=2.0, stage_seconds={"read": 1})
    inside_client.log_event(TOPIC, state.as_event())

    assert "<title>AutoRefiner</title>" in fetch(link)
    root = link.rpartition("/")[0]
    assert fetch(f"{root}/workers").count('href="autorefiner"') == 1
    metrics = fetch(f"{root}/metrics")
    assert 'autorefiner_frames{state="todo"} 5.0' in metrics
    assert 'autorefiner_stage_seconds_total{stage="read"} 1.0' in metrics
    assert "dask_scheduler_workers" in metrics


def test_a_scheduler_without_a_dashboard_is_left_as_it_is() -> None:
    with (
        LocalCluster(
            n_workers=0,
            processes=False,
            protocol="tcp",
            host="127.0.0.1",
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        assert show_on_dashboard(client) is None


def test_the_headline_escapes_names_and_tells_the_state() -> None:
    assert "No run has begun" in headline([])
    running = [RunState("<b>scans", 10, done=done, seconds=done) for done in (0, 5)]
    assert "&lt;b&gt;scans" in headline(running)
    assert "5 done" in headline(running)
    assert "1.00 frames/s, 5.0 s left" in headline(running)
    ended = RunState("scans", 10, done=9, failed=1, seconds=4000.0, ended=True)
    assert "ended after 1 h 06 min" in headline([ended])


@pytest.mark.parametrize(
    ("told", "model", "device", "busy"),
    [
        (None, "-", "-", ("-", "-")),
        (
            {"model_seconds": 2.5, "device_memory": None, "model_busy": 0.5},
            "2.5 s",
            "-",
            ("50 %", "-"),
        ),
        (
            {"model_seconds": 2.5, "device_memory": 3 << 30, "model_busy": 1, "device_busy": 0.876},
            *("2.5 s", "3.00 GiB"),
            ("100 %", "88 %"),
        ),
    ],
)
def test_a_workers_row(told: object, model: str, device: str, busy: tuple[str, str]) -> None:
    keys = [("refine-room-1-0a1b", 0), ("refine-room-1-0a1b", 1), ("refine-hall-2b", 0)]
    keys += [(f"refine-{number}-0a1b", 0) for number in range(3)]
    tasks = [SimpleNamespace(key=key) for key in [*keys, ("from_sequence-0a", 1), "job-1"]]
    worker = SimpleNamespace(name=1, processing=tasks, metrics={WORKER_METRIC: told})
    name, in_hand, loaded, memory, _, _, *of_time = worker_row(worker)
    assert (name, loaded, memory) == ("1", model, device)
    assert tuple(of_time) == busy
    assert in_hand == "2 of room-1, 1 of hall, 1 of 0 and of 2 more"
    worker.processing = []
    assert worker_row(worker)[1] == "none"
