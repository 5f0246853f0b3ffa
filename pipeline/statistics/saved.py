"""Tables in a folder, written and read again: as CSV or as Parquet, one file a table."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from pipeline.errors import ConfigError, StorageError
from pipeline.statistics.scene import SceneStatistics
from pipeline.statistics.tables import TABLES, Columns, make_tables

"""Folder of saved tables, beside the record of runs."""

Form: TypeAlias = Literal["csv", "parquet"]
Write: TypeAlias = Callable[[Columns], None]
"""Appends rows to a table."""

# A name from a file system may hold bytes that are no text; they come back as they were.
_AS_TEXT: Mapping[str, Any] = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}


@dataclass(frozen=True, slots=True)
class SavedTables:
    """Tables that `autorefiner stats` left in a folder."""

    folder: Path
    form: Form
    made: int
    """When, in nanoseconds since 1970."""

    def rows(self, table: str, *columns: str) -> Iterator[tuple[Any, ...]]:
        """Yield the values of two or more columns, row by row; from CSV all of them are texts.

        Raises
        ------
        ConfigError
            The tables are Parquet, and pyarrow is not installed.
        StorageError
            There is no such table, it lacks a column, or it cannot be read.
        """
        path = self.folder / f"{table}.{self.form}"
        read = _read_csv if self.form == "csv" else _read_parquet
        try:
            yield from read(path, columns)
        except (OSError, ValueError, IndexError, csv.Error) as error:
            raise StorageError(
                f"{path}: cannot be read as a table of {table}: {error!r}. "
                "Remove its folder, or make it anew with `autorefiner stats`"
            ) from None


def find_tables(folder: Path) -> SavedTables | None:
    """Return the tables in a folder, the newer where both forms are there; None without any."""
    found = []
    for form in get_args(Form):
        try:
            made = (folder / f"frames.{form}").stat().st_mtime_ns
        except OSError:
            continue
        found.append(SavedTables(folder, form, made))
    return max(found, key=lambda tables: tables.made, default=None)


def save_tables(scenes: Iterable[SceneStatistics], folder: Path, form: Form) -> list[Path]:
    """Write tables scene by scene, each to a file of its name in a folder, and return the files.

    Older ones are replaced when all are whole. One scene is in memory at a time.

    Raises
    ------
    ConfigError
        Parquet was asked for, and pyarrow is not installed.
    StorageError
        A file cannot be written, or a name is no text and Parquet was asked for.
    """
    open_table = _open_csv if form == "csv" else _open_parquet
    files = {name: folder / f"{name}.{form}" for name in TABLES}
    parts = {name: path.with_name(f".{path.name}.part") for name, path in files.items()}
    with ExitStack() as leftovers, ExitStack() as opened:
        writers = {}
        for name, part in parts.items():
            with _told(files[name]):
                folder.mkdir(parents=True, exist_ok=True)
                leftovers.callback(part.unlink, missing_ok=True)
                writers[name] = opened.enter_context(open_table(part, TABLES[name]))
        for scene in scenes:
            for name, columns in make_tables(scene).items():
                with _told(files[name]):
                    writers[name](columns)
        with _told(folder):
            opened.close()
            for name, part in parts.items():
                part.replace(files[name])
    return list(files.values())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: the statistics cannot be written: {error}") from None
    except UnicodeEncodeError as error:
        raise StorageError(
            f"{path}: found the name {error.object!r}, which is no text; "
            "expected text, for Parquet holds nothing else. Take CSV, or rename it"
        ) from None


@contextmanager
def _open_csv(path: Path, header: Mapping[str, type]) -> Iterator[Write]:
    with path.open("w", **_AS_TEXT) as file:
        writer = csv.writer(file)
        writer.writerow(header)
        yield lambda columns: writer.writerows(zip(*columns.values(), strict=True))


@contextmanager
def _open_parquet(path: Path, header: Mapping[str, type]) -> Iterator[Write]:
    pa, parquet = _pyarrow()
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in header.items()])
    with parquet.ParquetWriter(path, schema) as writer:
        yield lambda columns: writer.write_table(pa.table(dict(columns), schema))


def _read_csv(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    with path.open(**_AS_TEXT) as file:
        rows = csv.reader(file)
        header = next(rows, [])
        yield from map(itemgetter(*map(header.index, columns)), rows)


def _read_parquet(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    _, parquet = _pyarrow()
    with parquet.ParquetFile(path) as file:
        header = file.schema_arrow.names
        places = [header.index(column) for column in columns]
        for batch in file.iter_batches():
            yield from zip(*(batch.column(place).to_pylist() for place in places), strict=True)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(
            "Parquet needs pyarrow; install autorefiner[parquet], or take CSV"
        ) from None
    return pa, parquet
