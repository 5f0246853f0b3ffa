from __future__ import annotations

import os
import signal
import threading

import pytest

from pipeline.run.stopping import EndRun, StopRequest, is_stopped, listen_for_stop


def test_one_signal_asks_and_a_second_interrupts() -> None:
    stop = StopRequest()
    with listen_for_stop(stop), stop.gently():
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.why == "SIGTERM"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_before_there_is_work_one_signal_interrupts() -> None:
    stop = StopRequest()
    with listen_for_stop(stop), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
    assert not stop.why


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with listen_for_stop(StopRequest()):
        assert signal.getsignal(signal.SIGINT) != before[0]
    after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert after == before


def test_a_thread_that_gets_no_signals_may_run_and_be_asked() -> None:
    stop = StopRequest()

    def run() -> None:
        with listen_for_stop(stop):
            stop.ask("cancelled")
            stop.ask("later")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert stop.why == "cancelled"


def test_a_worker_ends_the_run_it_is_told_of_and_no_other() -> None:
    EndRun("one").setup(None)
    assert is_stopped("one")
    assert not is_stopped("another")
