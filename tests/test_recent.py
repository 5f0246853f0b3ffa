from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from pipeline.recent import Recent


def test_what_was_asked_for_last_is_kept() -> None:
    recent: Recent[str, str] = Recent(2)
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name.upper()

    for name in "ababcb":
        assert recent.get(name, lambda name=name: make(name)) == name.upper()  # type: ignore[misc]
    assert made == ["a", "b", "c"]
    recent.get("a", lambda: make("a"))
    assert made == ["a", "b", "c", "a"]


def test_threads_make_a_value_once() -> None:
    recent: Recent[int, float] = Recent(1)

    def make() -> float:
        time.sleep(0.02)
        return time.perf_counter()

    with ThreadPoolExecutor(4) as threads:
        values = set(threads.map(lambda _: recent.get(0, make), range(8)))
    assert len(values) == 1
