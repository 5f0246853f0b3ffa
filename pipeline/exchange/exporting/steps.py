"""The steps of an export: survey, encode chunk by chunk, join, keep the record.

Each finished chunk saves a part. An export that was stopped encodes only the chunks without a part,
unless an id map has changed meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from tqdm.auto import tqdm

from pipeline.dataset.whole_files import write_streaming
from pipeline.errors import ConfigError, DatasetError
from pipeline.exchange.exported_frames import lay_out, relative_link
from pipeline.exchange.exporting.chunks import Chunk, cut_up, encode, survey
from pipeline.exchange.exporting.folder import ExportFolder
from pipeline.exchange.exporting.joined_files import join
from pipeline.exchange.exporting.parts import Parts
from pipeline.exchange.exporting.sources import Source
from pipeline.exchange.formats.form import Context, Format, Per
from pipeline.exchange.numbering import TABLE_NAME, Table, as_csv, number_scene, table_rows
from pipeline.exchange.report import ExportReport, Left
from pipeline.exchange.threads import in_order


@dataclass(frozen=True, slots=True)
class Task:
    """One export: its id maps, its folder, and the split of its joined files."""

    source: Source
    folder: ExportFolder
    per: Per | None
    """Whether one joined file covers the data set or a scene; None for formats without one."""

    @property
    def form(self) -> Format:
        """The format."""
        return self.folder.form

    @property
    def context(self) -> Context:
        """The folders that the format needs to encode a frame."""
        return Context(self.source.layout.data_root, self.folder.path)


def run_task(task: Task, *, replace: bool) -> ExportReport:
    """Export the chunks that are not exported yet; return the report.

    Raises
    ------
    ConfigError
        The folder holds a finished export of other ids, and `replace` is false.
    DatasetError
        No frame has usable ids, or a scene has more objects than the format can hold.
    StorageError
        The export cannot be written.
    """
    folder, parts = task.folder, Parts(task.folder.path)
    chunks = list(cut_up(lay_out(task.source.frames, task.source.layout)))
    key, record = _make_key(task, chunks), folder.read_record()
    if record.get("finished") and record.get("key") == key:
        parts.remove()
        return _report_on_record(task, record)
    if record.get("finished") and not replace:
        raise ConfigError(
            f"{folder.path}: found a finished export of other ids, or of ids that changed since; "
            "expected a new folder. --replace makes it anew, and what was changed in it since is "
            "lost"
        )
    if record.get("key") != key:
        # The record goes first: if this is interrupted, files of two states are never mixed.
        folder.keep_record(finished=False)
        parts.remove()
        folder.clear()
        folder.keep_record(finished=False, key=key)
    tables = _number_scenes(task, chunks, parts)
    report = _encode_chunks(task, chunks, parts, tables)
    if not report.n_frames:
        raise DatasetError("\n".join(report.left_out.lines("found no frame with usable ids")))
    _join(task, chunks, parts, tables, report)
    folder.keep_record(finished=True, key=key, report=_facts(report))
    parts.remove()
    return report


def _make_key(task: Task, chunks: list[Chunk]) -> str:
    """Hash everything that determines the bytes of an export."""
    link = relative_link(task.context.data_root, task.folder.path)
    digest = hashlib.sha256(repr((task.form.name, task.form.version, task.per, link)).encode())
    for state in in_order(lambda chunk: chunk.state(task.source), chunks):
        digest.update(state.encode())
    return digest.hexdigest()


def _number_scenes(task: Task, chunks: list[Chunk], parts: Parts) -> dict[str, Table]:
    """Return the table of numbers for each scene whose ids do not fit the format."""
    largest = task.form.largest
    if largest is None:
        return {}

    def look(chunk: Chunk) -> None:
        if parts.head(_survey_name(chunk)) is None:
            parts.write(_survey_name(chunk), survey(chunk, task.source))

    for _ in tqdm(in_order(look, chunks), "survey", len(chunks), leave=False, disable=None):
        pass
    tables = {}
    for scene, of_scene in groupby(chunks, key=lambda chunk: chunk.scene):
        present = {
            int(line) for chunk in of_scene for line in parts.lines(_survey_name(chunk), "ids")
        }
        table = number_scene(scene, present, largest, task.form.name)
        if table is not None:
            tables[scene] = table
    return tables


def _survey_name(chunk: Chunk) -> str:
    return f"survey-{chunk.name}"


def _encode_chunks(
    task: Task, chunks: list[Chunk], parts: Parts, tables: Mapping[str, Table]
) -> ExportReport:
    report = ExportReport(task.folder.path, task.form.name, len({chunk.scene for chunk in chunks}))

    def work(chunk: Chunk) -> Mapping[str, Any]:
        if head := parts.head(chunk.name):
            return head
        table = tables.get(chunk.scene)
        part = encode(chunk, task.source, task.form, task.context, table)
        parts.write(chunk.name, part)
        return part.head()

    n_frames = sum(len(chunk.frames) for chunk in chunks)
    with tqdm(desc="export", total=n_frames, unit="frame", leave=False, disable=None) as bar:
        for head in in_order(work, chunks):
            bar.update(head["n_frames"] + len(head["left_out"]))
            report.n_frames += head["n_frames"]
            report.n_objects += head["n_objects"]
            for text in head["left_out"]:
                report.left_out.add(text)
            for text in head["other_size"]:
                report.other_size.add(text)
    return report


def _join(
    task: Task,
    chunks: list[Chunk],
    parts: Parts,
    tables: Mapping[str, Table],
    report: ExportReport,
) -> None:
    if task.form.joined and task.per:
        report.joined += join(chunks, parts, task.folder.path, task.form.joined, task.per)
    if tables:
        rows = (row for scene, table in tables.items() for row in table_rows(scene, table))
        write_streaming(task.folder.path / TABLE_NAME, as_csv(rows))
        report.renumbered += tables


def _facts(report: ExportReport) -> dict[str, object]:
    facts = asdict(report)
    del facts["folder"], facts["form"], facts["up_to_date"]
    facts["joined"] = [path.relative_to(report.folder).as_posix() for path in report.joined]
    return facts


def _report_on_record(task: Task, record: Mapping[str, Any]) -> ExportReport:
    facts = dict(record["report"])
    facts |= {name: Left(**facts[name]) for name in ("left_out", "other_size")}
    facts["joined"] = [task.folder.path / name for name in facts["joined"]]
    return ExportReport(task.folder.path, task.form.name, up_to_date=True, **facts)
