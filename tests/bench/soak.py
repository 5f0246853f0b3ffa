"""Ten minutes of killing workers: `python -m tests.bench.soak [MINUTES] [SECONDS_OF_LIFE]`.

The command refines demo rooms repeatedly with the tiny SAM 2. Every few seconds a random worker
older than SECONDS_OF_LIFE is killed. The outputs must equal those of an undisturbed run, byte for
byte.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from pipeline.demo.write import write_demo_dataset

COMMAND = (sys.executable, "-m", "pipeline", "run")
SETTINGS = ("--config", "configs/demo.yaml", "--set", "cluster.kind=cpu", "--set", "run.redo=all")
SECONDS_BETWEEN_KILLS = (1.0, 5.0)


def results(root: Path) -> dict[str, bytes]:
    files = sorted(root.glob("*/obj_ids_refine/*.pth"))
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


def command(data: Path, out: Path, *more: str) -> list[str]:
    return [*COMMAND, str(data), *SETTINGS, "--set", f"output.root={out}", *more]


def kill_one(driver: subprocess.Popen[bytes], life: float) -> int:
    """Kill a worker of the run that is older than `life` seconds; return 1, or 0 if none is."""
    with suppress(psutil.Error):
        workers = [
            child
            for child in psutil.Process(driver.pid).children()
            if "spawn_main" in " ".join(child.cmdline())
            and time.time() - child.create_time() > life
        ]
        if workers:
            random.choice(workers).send_signal(signal.SIGKILL)
            return 1
    return 0


def disturbed_run(words: list[str], until: float, life: float, log: Path) -> tuple[int, int]:
    """Run a command while its workers die; return its exit code and the number of deaths."""
    deaths = 0
    with (
        log.open("wb") as stderr,
        subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=stderr) as driver,
    ):
        while driver.poll() is None:
            time.sleep(random.uniform(*SECONDS_BETWEEN_KILLS))
            if time.monotonic() < until:
                deaths += kill_one(driver, life)
    return driver.returncode, deaths


def main() -> None:
    """Print what happened; exit with 1 if a byte differs."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    life = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        data, calm, out = (Path(folder) / name for name in ("scans", "calm", "out"))
        write_demo_dataset(data, 2, 8, (320, 240), 9, 1.0, "frame")
        subprocess.run(command(data, calm), check=True, stdout=subprocess.DEVNULL)
        expected = results(calm)
        until = time.monotonic() + 60 * minutes
        runs = deaths = repaired = 0
        while time.monotonic() < until:
            log = Path(folder) / "log"
            code, died = disturbed_run(command(data, out), until, life, log)
            runs, deaths = runs + 1, deaths + died
            if code == 1:
                # A frame whose worker died on every try is recorded as failed.
                repaired += 1
                subprocess.run(
                    command(data, out, "--set", "run.redo=failed"),
                    check=True,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            elif code:
                sys.exit(f"run {runs} ended with {code}\n{log.read_text()}")
            if results(out) != expected:
                sys.exit(f"run {runs}: the outputs differ")
        print(
            f"{minutes:g} minutes: {runs} runs of {len(expected)} frames, {deaths} workers killed, "
            f"{repaired} run(s) finished by --redo failed; outputs identical to the byte"
        )


if __name__ == "__main__":
    main()
