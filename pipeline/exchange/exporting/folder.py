"""The folder of an export: its format, its record, and its lock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pipeline.dataset.whole_files import naming_errors, write_whole
from pipeline.errors import ConfigError, OutputInUse, StorageError
from pipeline.exchange.formats.form import Format
from pipeline.exchange.input_files import RECORD_NAME
from pipeline.exchange.numbering import TABLE_NAME

_LOCK_NAME = ".autorefiner-lock"


class ExportFolder:
    """A folder that holds one export and nothing else."""

    def __init__(self, path: Path, form: Format) -> None:
        self.path, self.form = path, form

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the lock of the folder, so that no other export writes there.

        Raises
        ------
        ConfigError
            The folder holds other files, or an export in another format.
        OutputInUse
            Another export holds the lock.
        """
        record = self.read_record()
        if not record and _names_in(self.path) - {_LOCK_NAME}:
            raise ConfigError(
                f"{self.path}: found a folder with other files in it; expected an empty or new "
                "one, or one of an earlier export. Name another with --out"
            )
        if record and record.get("format") != self.form.name:
            raise ConfigError(
                f"{self.path}: found an export as {record.get('format')}; expected one as "
                f"{self.form.name}. Name another folder with --out"
            )
        with naming_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / _LOCK_NAME, timeout=0)
        try:
            with lock:
                yield
        except Timeout:
            raise OutputInUse(
                f"{self.path}: found another export at work; expected none. Wait for its end"
            ) from None

    def read_record(self) -> Mapping[str, Any]:
        """Return the record of an earlier export; {} if there is none."""
        try:
            record = json.loads((self.path / RECORD_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def keep_record(self, **facts: object) -> None:
        """Replace the record with new facts."""
        record = {"format": self.form.name, "version": self.form.version, **facts}
        write_whole(self.path / RECORD_NAME, f"{json.dumps(record, indent=1)}\n".encode())

    def clear(self) -> None:
        """Remove only the files that an earlier export wrote."""
        for name in (*self.form.owns, TABLE_NAME):
            path = self.path / name
            with naming_errors(path):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)


def _names_in(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be used as a folder: {error}") from None


def check_folder(base: Path, folder: Path) -> None:
    """Check that no folder from a base folder down to another is a link.

    A data set may come from a stranger, and its links may lead anywhere.

    Raises
    ------
    StorageError
        A folder is a link.
    """
    for each in (folder, *folder.parents):
        if each == base:
            return
        if each.is_symlink():
            raise StorageError(
                f"{each}: found a link; expected a folder of its own, for exports are not written "
                "through links. Name another folder with --out"
            )
