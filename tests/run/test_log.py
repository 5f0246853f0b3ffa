from __future__ import annotations

import json
import logging

from pipeline.dashboard import RunState
from pipeline.run.log import JsonLines, start_log
from pipeline.run.watch import log_state


def fresh_logger(monkeypatch):
    """Return this package's logger without handlers, as in a fresh process.

    A function and no fixture, as pytest adds its own handlers to loggers when a test begins.
    """
    logger = logging.getLogger("pipeline")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "level", logger.level)
    return logger


def test_a_line_for_programs_is_one_json_object(monkeypatch, capsys):
    ours = fresh_logger(monkeypatch)
    start_log("info", "json")
    log_state(RunState("/scans", 10, done=4, failed=1, seconds=2.0))
    ours.warning('odd "text"\nwith a break')
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert first["frames"]["done"] == 4
    assert first["message"] == "5/10 frames, 1 failed, 2.50 frames/s"
    assert first["level"] == "info"
    assert second["message"] == 'odd "text"\nwith a break'
    assert "frames" not in second


def test_a_second_run_may_choose_another_layout(monkeypatch, capsys):
    ours = fresh_logger(monkeypatch)
    start_log("info", "json")
    start_log("info", "text")
    ours.info("plain")
    assert capsys.readouterr().err.endswith(" plain\n")


def test_logging_that_the_caller_has_set_up_is_left_alone(monkeypatch):
    ours = fresh_logger(monkeypatch)
    handler = logging.NullHandler()
    ours.addHandler(handler)
    start_log("info", "json")
    assert ours.handlers == [handler]
    assert handler.formatter is None


def test_a_traceback_is_part_of_the_line():
    try:
        raise ValueError("oops")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("pipeline", logging.ERROR, __file__, 1, "bad", None, info)
    assert "ValueError: oops" in json.loads(JsonLines().format(record))["traceback"]
