"""The stop button of a notebook: a real kernel, interrupted in the middle of a run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from pipeline.demo.write import write_demo_dataset
from tests.tools import need_module

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient
    from jupyter_client.manager import KernelManager


FRAMES = 24
SECONDS = 300
SETUP = """
import pipeline
config = {"model": {"name": "demo"}, "cluster": {"kind": "cpu", "workers": 1}}
"""


class Notebook:
    """A kernel that cells are sent to."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self._client = manager, client

    def start(self, cell: str) -> str:
        """Begin a cell; what it is known by."""
        return str(self._client.execute(cell))

    def end(self, cell: str) -> tuple[str, str]:
        """Wait for a cell; the type of its error, or nothing, and all it printed."""
        reply = self._client._recv_reply(cell, timeout=SECONDS)
        printed = ""
        while True:
            message = self._client.get_iopub_msg(timeout=30)
            if message["parent_header"].get("msg_id") != cell:
                continue
            content = message["content"]
            if content.get("execution_state") == "idle":
                return reply["content"].get("ename", ""), printed
            printed += content.get("text", "") + "\n".join(content.get("traceback", []))

    def run(self, cell: str) -> str:
        """Run a cell that must not fail; what it printed."""
        error, printed = self.end(self.start(cell))
        assert error == "", printed
        return printed.strip()

    @property
    def children(self) -> list[psutil.Process]:
        """The processes that the kernel has started and that are still there."""
        pid = self.manager.provisioner.pid  # type: ignore[union-attr]
        found = psutil.Process(pid).children(recursive=True)
        return [child for child in found if "spawn_main" in " ".join(child.cmdline())]


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    need_module("ipykernel", extra="notebook")
    from jupyter_client.manager import start_new_kernel

    write_demo_dataset(tmp_path / "scans", 1, FRAMES, size=(320, 240), seed=9, severity=1.0)
    ours = {"PYTHONPATH": str(Path(__file__).parents[2]), "CUDA_VISIBLE_DEVICES": ""}
    manager, client = start_new_kernel(cwd=str(tmp_path), env={**os.environ, **ours})
    notebook = Notebook(manager, client)
    notebook.run(SETUP)
    yield notebook
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def results(folder: Path) -> list[Path]:
    return sorted((folder / "scans").glob("*/obj_ids_refine/*"))


def wait_for_results(folder: Path, number: int) -> None:
    deadline = time.monotonic() + SECONDS
    while len(results(folder)) < number:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_a_cell_that_is_stopped_leaves_things_clean_and_goes_on_when_run_again(
    notebook: Notebook, tmp_path: Path
) -> None:
    cell = notebook.start("pipeline.refine_dataset('scans', config)")
    wait_for_results(tmp_path, 2)
    notebook.manager.interrupt_kernel()
    error, printed = notebook.end(cell)
    assert error == "RunInterrupted"
    assert "the same call goes on where it is" in printed
    assert notebook.children == [], "its cluster is closed"
    done = len(results(tmp_path))
    assert 2 <= done < FRAMES
    assert all(path.name.endswith(".jpg.pth") for path in results(tmp_path)), "nothing half-written"

    # The same through a handle, whose cluster stays for the next run.
    cell = notebook.start("run = pipeline.start_run('scans', config)\nrun.wait()")
    wait_for_results(tmp_path, done + 2)
    notebook.manager.interrupt_kernel()
    error, _ = notebook.end(cell)
    assert error == "KeyboardInterrupt"
    ended = "import time\nwhile run.running: time.sleep(0.1)\nprint(type(run.error).__name__)"
    assert notebook.run(ended).endswith("RunInterrupted")
    [worker] = notebook.children
    again = "summary = pipeline.start_run('scans', config).wait()\nprint(summary.complete)"
    assert notebook.run(again).endswith("True")
    assert notebook.children == [worker]
    assert len(results(tmp_path)) == FRAMES
    notebook.run("pipeline.cluster.close_shared_client()")
    assert notebook.children == []
