"""Building the mirror of a data set from its results, and comparing the two; needs no model."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from distributed import Client
from toolz import partition_all

from pipeline.config import ConfigLike
from pipeline.dataset import Layout, discover, is_whole, read_provenance, stamp
from pipeline.dataset.fixes import counting_path
from pipeline.errors import DatasetError
from pipeline.mirror.copy import (
    BATCH,
    Finding,
    Verdict,
    compare_frames,
    settings_of,
    spread,
)
from pipeline.mirror.keep import MirrorKeeper
from pipeline.mirror.root import check_root, open_for_reading
from pipeline.mirror.store import MirrorSpec
from pipeline.record.opening import open_dataset
from pipeline.records import FrameRef

_EXAMPLES = 3
_FINE: frozenset[Verdict] = frozenset({Verdict.SAME, Verdict.COPIED})
_IN_WORDS: dict[Verdict, str] = {
    Verdict.SAME: "agree with their results",
    Verdict.COPIED: "copied",
    Verdict.DIFFERS: "differ from their results",
    Verdict.MISSING: "not in the mirror, or not on its record",
    Verdict.NO_RESULT: "in the mirror without a result",
    Verdict.UNREADABLE: "left out: the result cannot be read",
    Verdict.STALE: "left out: the result is of other settings",
}


@dataclass(slots=True)
class MirrorReport:
    """The verdicts on all frames of a mirror: counts and examples."""

    url: str
    fingerprint: str
    counts: Counter[Verdict] = field(default_factory=Counter)
    examples: dict[Verdict, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, findings: Iterable[Finding]) -> None:
        """Count findings, and keep the first frames of each verdict as examples."""
        for finding in findings:
            self.counts[finding.verdict] += 1
            if len(self.examples[finding.verdict]) < _EXAMPLES:
                frame = finding.frame
                self.examples[finding.verdict].append(frame.name)

    @property
    def agrees(self) -> bool:
        """Whether the mirror holds every result unchanged, and nothing else."""
        return not {*self.counts} - _FINE

    def as_text(self) -> str:
        """Return a few lines for a terminal."""
        lines = [f"{self.url}: results of settings {self.fingerprint}"]
        for verdict, words in _IN_WORDS.items():
            if self.counts[verdict]:
                examples = self.examples[verdict] if verdict not in _FINE else ()
                such_as = f", such as {', '.join(examples)}" if examples else ""
                lines.append(f"  {self.counts[verdict]} {words}{such_as}")
        return "\n".join(lines)


def build_mirror(
    data_root: str | os.PathLike[str], config: ConfigLike, client: Client
) -> MirrorReport:
    """Build the mirror of a data set, or complete and repair an existing one; return the report.

    Every result is read, or its fix where the frame has one. Chunks that agree are kept.

    Parameters
    ----------
    data_root
        Folder that holds the scenes.
    config
        A `Config`, a mapping, or the path of a YAML file; None takes the settings of the last run.
        `output` locates results and mirror.
    client
        Client of the cluster that copies; it is left open.

    Raises
    ------
    DatasetError
        There is no result to mirror.
    ConfigError
        The mirror holds results of other settings, or its path holds something else.
    StorageError
        The mirror cannot be read or written.
    """
    layout, frames = _open(data_root, config)
    spec = _choose_spec(layout, frames)
    report = MirrorReport(spec.url, spec.fingerprint)
    keeper = MirrorKeeper(spec, layout, frames)
    wrong = []
    for finding in _compare([f for f in frames if keeper.has_traces(f)], layout, spec, client):
        if finding.result:
            keeper.note(finding.frame, finding.result)
            report.add([finding])
        else:
            wrong.append(finding.frame)
    keeper.settle(wrong)
    agree = report.counts[Verdict.SAME]
    results = {frame: stamp(counting_path(layout, frame)) for frame in frames}
    for frame, result in results.items():
        keeper.expect(frame, result)
    keeper.settle()
    left = keeper.copy_waiting(client)
    keeper.finish()
    report.add(left)
    report.counts[Verdict.COPIED] = sum(map(bool, results.values())) - agree - len(left)
    report.counts += Counter()
    return report


def check_mirror(
    data_root: str | os.PathLike[str], config: ConfigLike, client: Client
) -> MirrorReport:
    """Compare a mirror with the results of a data set, chunk by chunk, without writing.

    Parameters and errors are those of `build_mirror`; the mirror has to exist.
    """
    layout, frames = _open(data_root, config)
    spec = _choose_spec(layout, frames)
    check_root(open_for_reading(spec.url), spec)
    report = MirrorReport(spec.url, spec.fingerprint)
    report.add(_compare(frames, layout, spec, client))
    return report


def _open(data_root: str | os.PathLike[str], config: ConfigLike) -> tuple[Layout, list[FrameRef]]:
    layout = open_dataset(data_root, config).layout
    return layout, discover(layout.data_root, layout.data).frames


def _choose_spec(layout: Layout, frames: Iterable[FrameRef]) -> MirrorSpec:
    """Return the spec of the mirror, with the settings that the first result was made with."""
    for frame in frames:
        path = layout.output_path(frame)
        if is_whole(path):
            fingerprint = settings_of(read_provenance(path))
            return MirrorSpec(layout.mirror_url, fingerprint, layout.output.mirror_shard)
    raise DatasetError(
        f"{layout.results_folder('<scene>')}: found no result in any such folder; "
        "expected some to mirror. `autorefiner run` makes them"
    )


def _compare(
    frames: list[FrameRef], layout: Layout, spec: MirrorSpec, client: Client
) -> Iterator[Finding]:
    return spread(compare_frames, list(partition_all(BATCH, frames)), client, layout, spec)
