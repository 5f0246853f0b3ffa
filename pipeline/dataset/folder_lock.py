"""A lock on a folder that several processes write to, held for the moment of one change."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.dataset.files import TEMP_PREFIX
from pipeline.dataset.whole_files import naming_errors
from pipeline.errors import StorageError

LOCK_NAME = f"{TEMP_PREFIX}lock"
"""Name of the lock file; the file stays, since removing it would let two processes in."""

SECONDS_TO_WAIT = 10.0
"""Seconds after which another process is taken to hang; a change takes milliseconds."""

NO_LOCKS_HERE = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL})
"""Errors of file systems that have no locks."""

_SECONDS_BETWEEN_TRIES = 0.01


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder within the block, so that no other process or thread changes it.

    A file system without locks gives no protection; the block then runs all the same.

    Parameters
    ----------
    folder
        The folder; it is made if it is missing.

    Raises
    ------
    StorageError
        The lock file cannot be opened, or another process holds it for too long.
    """
    path = folder / LOCK_NAME
    with naming_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    # Closing the file releases the lock, also where the process is killed.
    with os.fdopen(descriptor, "rb"):
        _wait_for(descriptor, path)
        yield


def _wait_for(descriptor: int, path: Path) -> None:
    end = time.monotonic() + SECONDS_TO_WAIT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in NO_LOCKS_HERE:
                return
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise StorageError(f"{path}: the folder cannot be locked: {error}") from None
        else:
            return
        if time.monotonic() > end:
            raise StorageError(
                f"{path}: found a lock that another process holds for more than "
                f"{SECONDS_TO_WAIT:.0f} s; expected it to be free. Is that process stopped?"
            )
        time.sleep(_SECONDS_BETWEEN_TRIES)
