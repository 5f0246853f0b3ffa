"""The real LocalCUDACluster without a GPU: a stand-in replaces the driver's library alone."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools import need_module, need_program

SOURCE = Path(__file__).parent / "nvml" / "nvml.c"
SONAME = "libnvidia-ml.so.1"


def _a_real_driver_is_here() -> bool:
    try:
        ctypes.CDLL(SONAME)
    except OSError:
        return False
    return True


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="dask-cuda runs on Linux only"),
    pytest.mark.skipif(_a_real_driver_is_here(), reason="a real NVIDIA driver is here"),
]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Compile the stand-in, and return the environment in which processes find it."""
    need_module("dask_cuda", extra="cuda-test")
    compiler = need_program("cc")
    folder = tmp_path_factory.mktemp("nvml")
    subprocess.run(
        [compiler, "-shared", "-fPIC", f"-Wl,-soname,{SONAME}", "-o", folder / SONAME, SOURCE],
        check=True,
    )
    environment = {key: value for key, value in os.environ.items() if "CUDA" not in key}
    return {
        **environment,
        "LD_LIBRARY_PATH": str(folder),
        "DASK_CUDA_TEST_SINGLE_GPU": "1",
        "STAND_IN": str(folder / SONAME),
    }


def run_script(script: str, environment: dict[str, str], *arguments: object) -> str:
    """Run a script in a process of its own: the library has to be there before NVML's first use."""
    load = "import ctypes, os; ctypes.CDLL(os.environ['STAND_IN'], ctypes.RTLD_GLOBAL)\n"
    body = textwrap.indent(textwrap.dedent(script), "    ")
    done = subprocess.run(
        [sys.executable, "-c", f"{load}if __name__ == '__main__':\n{body}", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=560,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_one_worker_a_device_each_bound_to_its_own(stand_in: dict[str, str]) -> None:
    out = run_script(
        """
        import os
        from pipeline.cluster import choose_kind, open_client
        from pipeline.config import ClusterConfig

        config = ClusterConfig(dashboard_address="127.0.0.1:0")
        print(*choose_kind(config))
        with open_client(config) as client:
            workers = client.scheduler_info(n_workers=-1)["workers"]
            print(sorted(client.run(lambda: os.environ["CUDA_VISIBLE_DEVICES"]).values()))
            print([worker["nthreads"] for worker in workers.values()])
            print(all(address.startswith("tls://127.0.0.1") for address in workers))
            client.restart()
            print(len(client.run(os.getpid)))
        """,
        stand_in,
    )
    assert out.splitlines() == [
        "cuda 2 GPU(s) found",
        "['0,1', '1,0']",
        "[1, 1]",
        "True",
        "2",
    ]


def test_frames_are_refined_on_one_worker_a_device(
    stand_in: dict[str, str], make_dataset: Callable[..., Path]
) -> None:
    root = make_dataset(scenes=2, frames=4)
    out = run_script(
        """
        import sys
        import pipeline

        settings = {
            "model": {"name": "demo", "device": "cpu"},
            "cluster": {"kind": "cuda", "dashboard_address": "127.0.0.1:0"},
            "run": {"partition_size": 1},
        }
        summary = pipeline.refine_dataset(sys.argv[1], settings)
        print(summary.total.done, summary.complete)
        """,
        stand_in,
        root,
    )
    assert out.splitlines() == ["8 True"]
    assert len(list(root.glob("*/obj_ids_refine/*.pth"))) == 8


def test_a_worker_started_by_hand_joins_and_a_restarted_one_is_warm_again(
    stand_in: dict[str, str], make_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    """`dask cuda worker` on a scheduler of its own: one worker a device, the model in each."""
    root = make_dataset(scenes=1, frames=4)
    file = tmp_path / "scheduler.json"
    out = run_script(
        """
        import subprocess, sys, time
        from pathlib import Path
        import pipeline
        from pipeline.cluster import open_client
        from pipeline.run.workers import warm_workers

        root, file = sys.argv[1:]
        common = ["--scheduler-file", file]
        scheduler = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1",
             "--port", "0", "--no-dashboard", *common])
        workers = subprocess.Popen(
            [sys.executable, "-m", "dask_cuda.cli", "--host", "127.0.0.1",
             "--nthreads", "1", *common])
        while not Path(file).exists():
            time.sleep(0.1)
        settings = pipeline.load_config({
            "model": {"name": "demo", "device": "cpu"},
            "cluster": {"scheduler_file": file, "worker_timeout": 300.0},
            "run": {"partition_size": 1},
        })

        def loaded(dask_worker):
            from pipeline.sam import model
            return len(model._models)

        def until_warm(client):
            while set(client.run(loaded).values()) != {1} or len(client.nthreads()) < 2:
                time.sleep(0.2)
            return client.run(loaded)

        with open_client(settings.cluster) as client:
            client.wait_for_workers(2, timeout=300)
            with warm_workers(client, settings):
                print(sorted(client.nthreads().values()), len(until_warm(client)))
                client.restart()
                print(len(until_warm(client)))
            print(pipeline.refine_dataset(root, settings, client).total.done)
        print(scheduler.poll(), workers.poll())
        for process in (workers, scheduler):
            process.terminate()
            process.wait()
        """,
        stand_in,
        root,
        file,
    )
    assert out.splitlines() == ["[1, 1] 2", "2", "4", "None None"]
