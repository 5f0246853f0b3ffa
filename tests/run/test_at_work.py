from __future__ import annotations

import time
from contextlib import suppress
from threading import Thread

import pytest

from pipeline.clock import Busy
from pipeline.run.at_work import RUNS_KEPT, Work, busy_in, total, work_of


def test_nothing_is_known_before_the_first_frame() -> None:
    busy = Work().busy()
    assert busy.share is None
    assert busy.device is None


def test_the_share_is_of_the_time_with_frames_in_hand() -> None:
    work, start = Work(), time.perf_counter()
    with work.frames_in_hand():
        with work.computing():
            time.sleep(0.06)
        time.sleep(0.02)
        while_at_work = work.busy()
    time.sleep(0.1)
    busy = work.busy()
    assert 0.06 <= while_at_work.computing < while_at_work.at_work <= busy.at_work
    assert busy.at_work < time.perf_counter() - start - 0.1
    assert busy.share == busy.computing / busy.at_work


def test_waiting_counts_while_no_other_partition_computes() -> None:
    work = Work()
    with work.frames_in_hand():
        with work.waiting_to_read():
            time.sleep(0.04)
            with work.computing():
                time.sleep(0.08)
        with work.waiting_to_read():
            time.sleep(0.02)
        busy = work.busy()
    assert busy.reading >= 0.06
    assert busy.computing >= 0.08
    assert busy.share is not None
    assert busy.share_of_reading is not None
    assert busy.share + busy.share_of_reading == pytest.approx(1, abs=0.2)
    assert busy.reading < busy.at_work - busy.computing + 1e-9


def test_partitions_side_by_side_count_once() -> None:
    work = Work()

    def hold() -> None:
        with work.frames_in_hand(), work.computing():
            time.sleep(0.1)

    start = time.perf_counter()
    threads = [Thread(target=hold) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    busy = work.busy()
    assert 0.1 <= busy.computing <= busy.at_work <= time.perf_counter() - start


def test_time_counts_when_the_model_fails() -> None:
    work = Work()
    with suppress(ZeroDivisionError), work.frames_in_hand(), work.computing():
        time.sleep(0.01)
        raise ZeroDivisionError
    assert work.busy().computing >= 0.01
    assert work.busy().at_work >= work.busy().computing


def test_a_worker_keeps_the_figures_of_its_last_runs() -> None:
    for number in range(RUNS_KEPT + 1):
        with work_of(f"run {number}").frames_in_hand():
            pass
    assert busy_in(f"run {RUNS_KEPT}").at_work > 0
    assert busy_in("run 0").at_work == 0


def test_workers_are_weighed_by_their_time() -> None:
    answers = [
        Busy(3.0, 1.5, 0.5, 0.2),
        OSError("gone"),
        Busy(1.0, 1.0, 0.0, 1.0),
        Busy(4.0, 1.0, 2.0),
    ]
    both = total(answers)
    assert both == Busy(8.0, 3.5, 2.5, pytest.approx(0.4))
    assert total([]) == Busy()
