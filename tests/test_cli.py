from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import pipeline
from pipeline.cli import entry_point, main
from pipeline.config import Config
from pipeline.config.settings import LAYOUT_NAMES
from pipeline.errors import ModelError, StorageError
from pipeline.record.summary import Summary
from pipeline.record.tally import Group
from tests.tools import need_module


@dataclass
class Done:
    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def autorefiner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command in this process."""

    def run(*words: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["autorefiner", *map(str, words)])
        code = 0
        try:
            entry_point()
        except SystemExit as end:
            code = int(end.code or 0)
        return Done(code, *capsys.readouterr())

    return run


def test_help_names_every_command_and_imports_nothing_heavy(autorefiner: Command) -> None:
    probe = (
        "import sys; sys.argv[1:] = ['run', '--help']\n"
        "from pipeline.cli import entry_point\n"
        "try: entry_point()\n"
        "finally: print('HEAVY', {'torch', 'dask', 'numpy', 'sam2', 'pydantic'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )
    assert "HEAVY set()" in done.stdout
    assert "DATA_ROOT" in done.stdout
    listing = autorefiner("--help").out
    assert all(name in listing for name in main.commands)


def test_importing_the_package_imports_nothing_heavy() -> None:
    probe = "import sys, pipeline; print({'torch', 'dask', 'numpy', 'pydantic'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


HEAVY = {"torch", "torchvision", "sam2", "dask", "distributed", "zarr", "scipy", "pandas"}


@pytest.mark.parametrize("words", [["status"], ["status", "--json"], ["verify"]])
def test_a_look_at_a_data_set_imports_nothing_heavy(
    make_dataset: Callable[..., Path], words: list[str]
) -> None:
    probe = (
        f"import sys; sys.argv[1:] = {[*words, str(make_dataset(scenes=1, frames=2))]}\n"
        "from pipeline.cli import entry_point\n"
        "try: entry_point()\n"
        f"finally: print('HEAVY', {HEAVY} & {{*sys.modules}}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )
    assert "scene_0000" in done.stdout
    assert "HEAVY set()" in done.stderr


def test_every_public_name_is_there() -> None:
    for name in pipeline.__all__:
        assert getattr(pipeline, name) is not None
    assert set(pipeline.__all__) <= set(dir(pipeline))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = pipeline.nonsense


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run"], "name the data root once"),
        (["run", "a", "--data_root", "b"], "name the data root once"),
        (["run", "nowhere"], "nowhere"),
        (["run", "nowhere", "--set", "run.partition_size=0"], "run.partition_size"),
        (["run", "nowhere", "--config", "missing.yaml"], "missing.yaml"),
        (["run", "nowhere", "--max_scenes", "0"], "max_scenes"),
        (["evaluate", "nowhere"], "nowhere"),
        (["export", "nowhere"], "--to"),
        (["export", "nowhere", "--to", "davis"], "nowhere"),
        (["import", "nowhere", "x.json", "--from", "coco"], "nowhere"),
        (["import", "nowhere", "x.json"], "--from"),
        (["dance"], "dance"),
    ],
)
def test_wrong_use_says_what_and_exits_with_2(
    autorefiner: Command, words: list[str], message: str
) -> None:
    done = autorefiner(*words)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_scene_of_no_data_set_is_wrong_use(autorefiner: Command) -> None:
    need_module("rerun", extra="rerun")
    done = autorefiner("view", "nowhere", "--scene", "hall")
    assert done.code == 2
    assert "nowhere" in done.err


def test_a_demo_that_cannot_be_written_says_where(autorefiner: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = autorefiner("demo", tmp_path / "file" / "scans", "--size", "64", "48")
    assert done.code == 2
    assert "file/scans: cannot be written to" in done.err


Started = list[tuple[object, Config]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Return a list that receives what `run` would have started."""
    seen: Started = []

    def refine_dataset(root: object, config: Config) -> Summary:
        seen.append((root, config))
        return Summary({}, {}, Group(), {}, 0, 0.0, {}, {}, {})

    monkeypatch.setattr("pipeline.run.runner.refine_dataset", refine_dataset)
    return seen


@pytest.mark.parametrize("first", [["run"], []])
@pytest.mark.parametrize("dash", ["_", "-"])
def test_launch_scripts_of_the_tool_before_work(
    autorefiner: Command, started: Started, first: list[str], dash: str
) -> None:
    done = autorefiner(
        *first,
        f"--data{dash}root",
        "scans",
        f"--model{dash}cfg",
        "configs/sam2.1/sam2.1_hiera_l.yaml",
        "--checkpoint",
        "1e5",
        f"--max{dash}scenes",
        "2",
        "--verbose",
    )
    assert done.code == 0
    [(root, config)] = started
    assert root == Path("scans")
    assert config.model.config == "configs/sam2.1/sam2.1_hiera_l.yaml"
    assert config.model.checkpoint == Path("1e5")
    assert config.data.max_scenes == 2
    assert config.run.log_level == "debug"


def test_set_beats_flags_and_flags_beat_the_file(
    autorefiner: Command, started: Started, tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("data: {max_scenes: 1}\nrun: {redo: all, partition_size: 3}\n")
    words = ["run", "scans", "--config", file, "--max_scenes", "2", "--redo", "failed"]
    autorefiner(*words, "--set", "data.max_scenes=5")
    [(_, config)] = started
    assert config.data.max_scenes == 5
    assert config.run.redo == "failed"
    assert config.run.partition_size == 3


class Incomplete:
    complete = False

    def as_text(self) -> str:
        return "9/10 ok"


@pytest.mark.parametrize(
    ("ending", "code", "message"),
    [
        (StorageError("disk full"), 3, "disk full"),
        (ModelError("no such checkpoint"), 2, "no such checkpoint"),
        (KeyboardInterrupt(), 130, "goes on where"),
        (ZeroDivisionError("oops"), 70, "Traceback"),
        (Incomplete(), 1, "9/10 ok"),
    ],
)
def test_exit_codes(
    autorefiner: Command,
    monkeypatch: pytest.MonkeyPatch,
    ending: object,
    code: int,
    message: str,
) -> None:
    def end(_root: object, _config: Config) -> object:
        if isinstance(ending, BaseException):
            raise ending
        return ending

    monkeypatch.setattr("pipeline.run.runner.refine_dataset", end)
    done = autorefiner("run", "scans")
    assert done.code == code
    assert message in done.out + done.err


def test_nothing_to_refine_exits_with_2_also_when_quiet(
    autorefiner: Command, tmp_path: Path
) -> None:
    for name in ("images/000000.jpg", "images/000001.jpg", "obj_ids/a.csv", "obj_ids/b.csv"):
        (tmp_path / "room" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "room" / name).touch()
    for words in (("run", tmp_path, "--quiet"), ("run", tmp_path), ("status", tmp_path)):
        done = autorefiner(*words, "--set", "model.name=demo")
        assert done.code == 2
        for shown in ("000000.jpg", "000001.jpg", "a.csv", "b.csv", "{scene}/obj_ids/{frame}"):
            assert shown in done.err


def test_a_layout_is_guessed_and_works_as_told(autorefiner: Command, tmp_path: Path) -> None:
    for name in ("undistorted/5942004064/D.JPG.jpg", "obj_ids/5942004064/D.JPG.pth"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    done = autorefiner("status", tmp_path)
    assert done.code == 2
    option = done.err.partition("Use ")[2].split()
    done = autorefiner("status", tmp_path, *option, "--set", "data.scenes=5942004064")
    assert done.code == 0
    assert "5942004064" in done.out


@pytest.mark.parametrize("command", ["run", "status"])
def test_help_names_every_layout(autorefiner: Command, command: str) -> None:
    said = autorefiner(command, "--help").out
    for name in LAYOUT_NAMES:
        if name != "autorefiner":
            assert name in said
    assert "data.images" in said
