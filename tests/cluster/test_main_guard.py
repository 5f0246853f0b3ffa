from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SETTINGS = {"model": {"name": "demo"}, "cluster": {"kind": "cpu", "workers": 1}}
CALLS = {
    "in the foreground": "print(pipeline.refine_dataset({}).total.done, 'done')",
    "in the background": "print(pipeline.start_run({}).wait().total.done, 'done')",
}


def run_script(folder: Path, root: Path, call: str, guard: str) -> tuple[int, str, str]:
    line = call.replace("{}", f"{str(root)!r}, {SETTINGS!r}")
    script = folder / "script.py"
    script.write_text(f"import pipeline\n\n{guard}\n    {line}\n")
    ended = subprocess.run(
        [sys.executable, script],
        check=False,
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_script_without_a_guard_is_told_so_and_one_with_it_runs(
    tmp_path: Path, make_dataset: Callable[..., Path], call: str
) -> None:
    root = make_dataset(scenes=1, frames=1)
    code, out, err = run_script(tmp_path, root, call, "if True:")
    assert code == 1
    assert out == ""
    # The worker prints the message, and so does the error that ends the script.
    assert err.count('under `if __name__ == "__main__":`') == 2
    assert "another run works here" not in err
    assert not list(root.glob("*/obj_ids_refine/*"))
    assert run_script(tmp_path, root, call, 'if __name__ == "__main__":')[:2] == (0, "1 done\n")
