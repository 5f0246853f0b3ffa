"""Id maps in HDF5 files: the only dataset that can be one, or the one named. Needs h5py.

The HDF5 library hangs or crashes on some damaged files. So a separate process reads them, one after
the other; if it hangs or dies, another one is started.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig
from pipeline.dataset.formats.contained_arrays import NotAnIdMap, check_dtype, check_shape
from pipeline.dataset.formats.container import Container
from pipeline.errors import ConfigError
from pipeline.file_kinds import guess_format
from pipeline.packages import check_installed

SECONDS = 30.0
"""Time limit for one file; the largest that is accepted takes a few seconds."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
READY = b"ready\n"
"""First line of the process, written once it has loaded h5py."""
_START = "import sys; sys.path[:] = {path!r}; from {module} import main; main()"


def read_hdf5(content: bytes, data: DataConfig) -> npt.NDArray[Any]:
    """Return the id map of an HDF5 file.

    Raises
    ------
    NotAnIdMap
        The bytes are damaged, or hold no dataset of an id map's shape, or several.
    ConfigError
        h5py is not installed.
    """
    check_installed("h5py", "hdf5", "an id map in HDF5")
    if not content.startswith(_SIGNATURE):
        raise NotAnIdMap(guess_format(content) or "no HDF5 file")
    return _READER.read(content, data.ids_key)


class _Reader:
    """The process that reads HDF5 files; started with the first file."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()

    def read(self, content: bytes, key: str | None) -> npt.NDArray[Any]:
        """Return the id map of a file; raise `NotAnIdMap` if it has none or reading fails."""
        with self._one_at_a_time:
            if self._process and self._process.poll() is not None:
                self._end()  # it died between two files, so this file is not the cause
            process = self._process = self._process or _start()
            timer = threading.Timer(SECONDS, process.kill)
            timer.start()
            try:
                return _ask(process, content, key)
            except (OSError, ValueError, EOFError):
                self._end()
                raise NotAnIdMap(
                    "a damaged HDF5 file, on which the library of HDF5 hangs or crashes",
                    "Was it copied completely?",
                ) from None
            finally:
                timer.cancel()

    def close(self) -> None:
        """End the process, if there is one."""
        with self._one_at_a_time:
            self._end()

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            with suppress(OSError):
                self._process.communicate()
            self._process = None


def _start() -> subprocess.Popen[bytes]:
    # The import by name, with this process's sys.path, finds the same package.
    code = _START.format(path=sys.path, module="pipeline.dataset.formats.hdf5_child")
    process = subprocess.Popen(  # noqa: S603 (this Python and a line of ours)
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C must not reach this process: the parent handles it
    )
    if _pipes(process)[1].readline() != READY:
        process.kill()
        process.communicate()
        raise ConfigError("found ids in an HDF5 file, but h5py cannot be loaded; install it anew")
    return process


def _ask(process: subprocess.Popen[bytes], content: bytes, key: str | None) -> npt.NDArray[Any]:
    requests, answers = _pipes(process)
    requests.write(json.dumps({"size": len(content), "key": key}).encode() + b"\n")
    requests.write(content)
    requests.flush()
    answer = json.loads(answers.readline())
    if "found" in answer:
        raise NotAnIdMap(answer["found"], answer["hint"])
    # The answer is checked as the file is, because a damaged file can corrupt the child process.
    dtype, shape = check_dtype(answer["dtype"]), check_shape(tuple(answer["shape"]))
    ids = np.empty(shape, dtype)
    view = memoryview(ids.data).cast("B")
    at = 0
    while at < len(view):
        count = answers.readinto(view[at:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        at += count
    return ids


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    return process.stdin, process.stdout


_READER = _Reader()
atexit.register(_READER.close)

CONTAINER = Container(
    suffixes=(".h5", ".hdf5"),
    holds="datasets of HDF5; needs `pip install autorefiner[hdf5]`",
    signatures=(_SIGNATURE,),
    read=read_hdf5,
)
