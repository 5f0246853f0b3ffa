"""With wrong settings of Dask, a run stops with an error that names them, or warns and goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.dask_settings import explaining, own_settings, source_of
from pipeline.errors import ClusterError, ModelError

Spoil = Callable[[str], dict[str, str]]


@pytest.fixture
def spoil(tmp_path: Path) -> Spoil:
    """Return a function that writes a Dask configuration file and returns the environment."""

    def write(text: str) -> dict[str, str]:
        folder = tmp_path / "dask"
        folder.mkdir()
        (folder / "own.yaml").write_text(text)
        return {**os.environ, "DASK_CONFIG": str(folder), "CUDA_VISIBLE_DEVICES": ""}

    return write


def autorefiner(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("distributed: [1, 2\n  x: : y", "own.yaml' is malformed"),
        ("distributed:\n\tlink: x", "own.yaml' is malformed"),
        ("- 1\n- 2\n", "got a list"),
        ("logging:\n  distributed: loud\n", "own.yaml (logging.distributed)"),
        (
            "distributed: {worker: {multiprocessing-method: teleport}}",
            "own.yaml (distributed.worker.multiprocessing-method)",
        ),
    ],
)
def test_a_file_that_dask_cannot_use_is_wrong_use(spoil: Spoil, text: str, said: str) -> None:
    environment = spoil(text)
    for command in ("run", "stats"):
        done = autorefiner(environment, command, "nowhere")
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
        if "malformed" not in said:
            break


@pytest.mark.parametrize(
    "variables",
    [{"DASK_INTERNAL_INHERIT_CONFIG": "nonsense"}, {"DASK_A": "1", "DASK_A__B": "2"}],
    ids=str,
)
def test_variables_that_dask_cannot_read_are_wrong_use(variables: dict[str, str]) -> None:
    done = autorefiner({**os.environ, **variables}, "run", "nowhere")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "Dask's configuration cannot be read" in done.stderr
    assert all(name in done.stderr for name in variables)


def test_who_needs_no_dask_is_not_told(spoil: Spoil, make_dataset: Callable[..., Path]) -> None:
    done = autorefiner(spoil("- 1"), "status", make_dataset(1, 1))
    assert (done.returncode, done.stderr) == (0, "")


def test_from_python_too(spoil: Spoil) -> None:
    probe = (
        "import pipeline\n"
        "try: pipeline.refine_dataset\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    command = [sys.executable, "-c", probe]
    done = subprocess.run(command, env=spoil("- 1"), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ConfigError A dask config file at ")


OPEN = """
import logging
from pipeline.cluster import open_client
from pipeline.config import ClusterConfig
from pipeline.errors import AutoRefinerError

if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(message)s")
    settings = ClusterConfig(workers=1, dashboard_address="127.0.0.1:0")
    try:
        with open_client(settings) as client:
            print("OPEN", client.dashboard_link)
    except AutoRefinerError as error:
        print(type(error).__name__, error)
"""


def open_cluster(environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "open_cluster.py"
    script.write_text(OPEN)
    root = Path(__file__).parents[1]
    environment = {**environment, "PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("link", ["{JUPYTERHUB_SERVICE_PREFIX}proxy/{port}/status", "{port"])
def test_a_link_that_cannot_be_formatted_costs_a_warning(
    spoil: Spoil, tmp_path: Path, link: str
) -> None:
    environment = spoil(f"distributed: {{dashboard: {{link: '{link}'}}}}")
    environment.pop("JUPYTERHUB_SERVICE_PREFIX", None)
    done = open_cluster(environment, tmp_path)
    assert "OPEN http://127.0.0.1:" in done.stdout
    [warning] = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert "own.yaml, cannot be formatted" in warning


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("temporary-directory: /dev/null/x", "own.yaml (temporary-directory)"),
        (
            "distributed: {comm: {timeouts: {connect: nonsense}}}",
            "Invalid time unit: nonsense",
        ),
        ("distributed: {client: {heartbeat: soon}}", "own.yaml (distributed.client.heartbeat)"),
        ("scheduler-address: tcp://127.0.0.1:1", "which scheduler-address in "),
    ],
)
def test_a_setting_that_keeps_a_cluster_from_opening_is_named_with_its_file(
    spoil: Spoil, tmp_path: Path, text: str, said: str
) -> None:
    environment = spoil(text)
    environment["DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP"] = "30s"
    if "connect" not in text:
        environment["DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"] = "2s"
    done = open_cluster(environment, tmp_path)
    assert done.stdout.startswith("ClusterError ")
    assert said in done.stdout
    assert "own.yaml" in done.stdout


def test_an_error_is_explained_with_the_users_own_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text("x: {y: 1, z: {}}")
    (tmp_path / "b.yaml").write_text("# all of it is commented out")
    monkeypatch.setattr("dask.config.paths", [str(tmp_path)])
    monkeypatch.setenv("DASK_X__Y", "2")
    assert (
        own_settings()
        == f"Dask itself is configured by {tmp_path / 'a.yaml'} (x.y, x.z), DASK_X__Y"
    )
    assert source_of("x.y") == "the environment variable DASK_X__Y"
    assert source_of("x.z") == f"x.z in {tmp_path / 'a.yaml'}"
    said = r"no door: TypeError: 3\. Knock\. Dask .*a\.yaml"
    with pytest.raises(ClusterError, match=said), explaining("no door", "Knock"):
        raise TypeError(3)
    with pytest.raises(ModelError, match=r"^mine$"), explaining("no door", "Knock"):
        raise ModelError("mine")


def test_without_settings_of_the_users_own_a_bug_stays_a_bug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("DASK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("dask.config.paths", [])
    assert own_settings() == ""
    with pytest.raises(TypeError), explaining("no door", "Knock"):
        raise TypeError(3)
    said = r"^no door: closed\. Knock$"
    with pytest.raises(ClusterError, match=said), explaining("no door", "Knock"):
        raise OSError("closed")
