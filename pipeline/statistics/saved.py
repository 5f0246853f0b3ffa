"""Saving tables in a folder and reading them: as CSV or as Parquet, one file a table."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from pipeline.dataset.whole_files import beside, moved_into_place, naming_errors
from pipeline.errors import ConfigError, StorageError
from pipeline.statistics.scene import SceneStatistics
from pipeline.statistics.tables import TABLES, Columns, make_tables

Form: TypeAlias = Literal["csv", "parquet"]
Write: TypeAlias = Callable[[Columns], None]
"""Appends rows to a table."""

# File names may hold bytes that are not UTF-8, which this handler keeps as they are.
_AS_TEXT: Mapping[str, Any] = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}


@dataclass(frozen=True, slots=True)
class SavedTables:
    """The tables that `autorefiner stats` saved in a folder."""

    folder: Path
    form: Form
    made: int
    """Time of saving, in nanoseconds since 1970."""

    def rows(self, table: str, *columns: str) -> Iterator[tuple[Any, ...]]:
        """Yield the values of two or more columns, row by row; all values of a CSV are strings.

        Raises
        ------
        ConfigError
            The tables are Parquet, and pyarrow is not installed.
        StorageError
            The table is missing, lacks a column, or cannot be read.
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
    """Return the tables in a folder, the newer if both forms exist; None if neither does."""
    found = []
    for form in get_args(Form):
        try:
            made = (folder / f"frames.{form}").stat().st_mtime_ns
        except OSError:
            continue
        found.append(SavedTables(folder, form, made))
    return max(found, key=lambda tables: tables.made, default=None)


def save_tables(scenes: Iterable[SceneStatistics], folder: Path, form: Form) -> list[Path]:
    """Write each table to a file of its name in a folder; return the files.

    Older files are replaced once all new ones are complete. One scene is in memory at a time.

    Raises
    ------
    ConfigError
        Parquet was asked for, and pyarrow is not installed.
    StorageError
        A file cannot be written, or a name for Parquet is not valid text.
    """
    open_table = _open_csv if form == "csv" else _open_parquet
    files = {name: folder / f"{name}.{form}" for name in TABLES}
    with ExitStack() as moved, ExitStack() as opened:
        with naming_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            moved.enter_context(moved_into_place({beside(path): path for path in files.values()}))
        writers = {}
        for name, path in files.items():
            with naming_errors(path):
                writers[name] = opened.enter_context(open_table(beside(path), TABLES[name]))
        for scene in scenes:
            for name, columns in make_tables(scene).items():
                with naming_errors(files[name]), _refusing_bytes(files[name]):
                    writers[name](columns)
        with naming_errors(folder):
            opened.close()
            moved.close()
    return list(files.values())


@contextmanager
def _refusing_bytes(path: Path) -> Iterator[None]:
    try:
        yield
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
