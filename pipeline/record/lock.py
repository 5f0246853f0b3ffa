"""The lock of an output root, which lets one run at a time work on it.

A run holds two things: a lock of the operating system on `run.lock`, which is released however its
process ends, and that file's text, which names the process and is renewed every few seconds. Where
the lock reaches all machines, as on local disks and NFS, the lock decides. On file systems without
locks, or with locks of one machine only (often Lustre), the text decides: a text of this machine
counts while its process lives, a text of another machine while it is fresh.
"""

from __future__ import annotations

import errno
import fcntl
import getpass
import json
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from pipeline.dataset.links import refuse_links
from pipeline.errors import OutputInUse, StorageError

SECONDS_BETWEEN_SIGNS = 15.0
SECONDS_FRESH = 120.0
"""Age from which the text of a run on another machine no longer counts."""

_NO_LOCKS_HERE = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL}


@dataclass(frozen=True, slots=True)
class Holder:
    """A run that works on an output root."""

    host: str
    pid: int
    started: float
    """Start of its process, in seconds since 1970; a pid alone may have been given out again."""
    user: str

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.started))
        return f"process {self.pid} of {self.user} on {self.host}, started {since}"


@contextmanager
def hold_output(path: Path) -> Iterator[None]:
    """Hold the lock of an output root within the block, so that no other run works there.

    Parameters
    ----------
    path
        The lock file, `RecordPaths.lock`.

    Raises
    ------
    OutputInUse
        Another run works on it.
    StorageError
        The lock file cannot be written.
    """
    refuse_links(path, path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise _cannot_write(path, error) from None
    with os.fdopen(descriptor, "r+b", buffering=0):
        is_ours = _lock(descriptor, path)
        holder = _read(descriptor)
        if not is_ours or (holder and _is_at_work(holder, descriptor)):
            raise OutputInUse(
                f"{path.parent.parent}: another run works here: {holder or 'one that just began'}. "
                "Wait for it or stop it; autorefiner status shows how far it is. For jobs side by "
                "side on scenes of their own (data.scenes), give each an output.root of its own: "
                "results, journal and report of each then lie there. A run that died on another "
                f"machine is no longer in the way after {SECONDS_FRESH:.0f} s"
            )
        _write(descriptor, path, json.dumps(asdict(_this_process())).encode())
        over = threading.Event()
        threading.Thread(target=_give_signs, args=(descriptor, over), daemon=True).start()
        try:
            yield
        finally:
            over.set()
            with suppress(OSError):
                os.ftruncate(descriptor, 0)


def read_holder(path: Path) -> Holder | None:
    """Return the run that holds a lock file; None if none does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb", buffering=0):
        holder = _read(descriptor)
        return holder if holder and _is_at_work(holder, descriptor) else None


def _lock(descriptor: int, path: Path) -> bool:
    """Take the operating system's lock; return False where another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        if error.errno not in _NO_LOCKS_HERE:
            raise _cannot_write(path, error) from None
    return True


def _is_at_work(holder: Holder, descriptor: int) -> bool:
    if holder.host != platform.node():
        return _age(descriptor) < SECONDS_FRESH
    try:
        started = psutil.Process(holder.pid).create_time()
    except psutil.Error:
        return False
    return abs(started - holder.started) < 1.0 and holder != _this_process()


def _age(descriptor: int) -> float:
    """Return the seconds since the lock file was renewed."""
    return time.time() - os.fstat(descriptor).st_mtime


def _read(descriptor: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        return None


def _write(descriptor: int, path: Path, text: bytes) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)
    except OSError as error:
        raise _cannot_write(path, error) from None


def _give_signs(descriptor: int, over: threading.Event) -> None:
    while not over.wait(SECONDS_BETWEEN_SIGNS):
        with suppress(OSError):
            os.utime(descriptor)


def _this_process() -> Holder:
    process = psutil.Process()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = f"user {os.getuid()}"
    return Holder(platform.node(), process.pid, process.create_time(), user)


def _cannot_write(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path}: the lock of the run cannot be written: {error}. Make the folder writable, or set "
        "output.root to one elsewhere"
    )
