"""The real LocalCUDACluster without a GPU: only the driver's library is stood in for."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

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
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
    pytest.mark.skipif(_a_real_driver_is_here(), reason="a real NVIDIA driver is here"),
]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Compile the stand-in, and return the environment in which processes find it."""
    folder = tmp_path_factory.mktemp("nvml")
    subprocess.run(
        ["cc", "-shared", "-fPIC", f"-Wl,-soname,{SONAME}", "-o", folder / SONAME, SOURCE],
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
        timeout=300,
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
