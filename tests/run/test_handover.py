from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest
from distributed import Client, wait

from pipeline.run.handover import Slot

SECONDS = 20.0


@pytest.fixture
def client() -> Iterator[Client]:
    """Yield a client of one worker with one thread, in this process."""
    with Client(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as client:
        yield client


class Partition:
    """A partition that shows where it is, and waits there to be told to go on.

    It is pickled as a number, so that the worker in this process runs this very one.
    """

    made: ClassVar[list[Partition]] = []

    def __init__(self, *, batches: int = 1) -> None:
        self.made.append(self)
        self._batches = batches
        self.started, self.computing, self.ending = (threading.Event() for _ in range(3))
        self.may_compute, self.may_end = threading.Event(), threading.Event()

    def __reduce__(self) -> tuple[Callable[[int], Partition], tuple[int]]:
        return made_as, (self.made.index(self),)

    def __call__(self) -> bool:
        self.started.set()
        with Slot() as slot:
            for batch in range(self._batches):
                with slot.computing(is_last=batch == self._batches - 1):
                    self.computing.set()
                    assert self.may_compute.wait(SECONDS)
            self.ending.set()
            assert self.may_end.wait(SECONDS)
        return True

    def let_go(self) -> None:
        self.may_compute.set()
        self.may_end.set()


def made_as(number: int) -> Partition:
    return Partition.made[number]


def test_the_next_partition_starts_while_one_ends(client: Client) -> None:
    one, two, three = Partition(), Partition(), Partition()
    tasks = [client.submit(part, key=f"part-{k}") for k, part in enumerate((one, two, three))]
    assert one.computing.wait(SECONDS)
    # The slot is free as soon as the last frames are in the model, but the model is not.
    assert two.started.wait(SECONDS)
    assert not two.computing.wait(0.1)
    one.may_compute.set()
    assert two.computing.wait(SECONDS)
    two.may_compute.set()
    assert two.ending.wait(SECONDS)
    # The first one has not ended, so that the second keeps the slot.
    assert not three.started.wait(0.2)
    for part in (one, two, three):
        part.let_go()
    assert [task.result(timeout=SECONDS) for task in tasks] == [True] * 3


def test_a_slot_is_given_up_after_a_failure_too(client: Client) -> None:
    def fail() -> None:
        with Slot() as slot, slot.computing(is_last=True):
            raise ZeroDivisionError

    failed = client.submit(fail)
    wait([failed], timeout=SECONDS)
    assert failed.status == "error"
    one, two = Partition(), Partition()
    tasks = [client.submit(part, key=f"later-{k}") for k, part in enumerate((one, two))]
    assert two.started.wait(SECONDS)
    one.let_go()
    two.let_go()
    assert [task.result(timeout=SECONDS) for task in tasks] == [True] * 2


def test_a_partition_of_several_batches_keeps_its_slot_until_the_last(client: Client) -> None:
    one, two = Partition(batches=2), Partition()
    tasks = [client.submit(part, key=f"long-{k}") for k, part in enumerate((one, two))]
    assert one.computing.wait(SECONDS)
    assert not two.started.wait(0.2)
    one.let_go()
    two.let_go()
    assert [task.result(timeout=SECONDS) for task in tasks] == [True] * 2


def test_outside_a_worker_there_is_no_slot() -> None:
    for _ in range(2):
        with Slot() as slot, slot.computing(is_last=True):
            pass
