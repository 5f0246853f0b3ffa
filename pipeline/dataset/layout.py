"""The layout of a data set: every path of its input, results and record is made here."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

from pipeline.config import DataConfig, OutputConfig
from pipeline.dataset.formats import RESULT_FORMATS
from pipeline.dataset.input_patterns import images_pattern, kinds_of, settle
from pipeline.dataset.result_patterns import (
    check_folders,
    check_result_place,
    fixes_folder,
    result_folder,
    result_pattern,
)
from pipeline.dataset.walk import RECORD_DIR, values_of
from pipeline.errors import DatasetError
from pipeline.records import FrameRef

__all__ = ["RECORD_DIR", "Layout", "RecordPaths", "is_remote"]

FORMAT_OF_FIRST_PASS = "png"  # noqa: S105 - a pass over frames, no password
"""Format of the first pass's results, which are read again and again: small and without loss."""

_LONGEST_AUTHOR = 150
"""Most characters of an author in the name of a folder."""

_SCENE = "\0"
"""Placeholder of the scene in a folder's path: a character that no file name can contain."""


@dataclass(frozen=True, slots=True)
class RecordPaths:
    """The paths of the files that runs and other commands write beside results.

    ```
    <output_root>/autorefiner/                     folder
        journal.jsonl, run.lock, summary.json, report.html
        numbers/<scene>.csv                        with data.renumber
        drafts/<author>/<scene>/                   unsaved fixes of `review`
        statistics/, exports/<format>/             of `stats` and `export`
    ```
    """

    output_root: Path

    @property
    def folder(self) -> Path:
        """Folder of all files below."""
        return self.output_root / RECORD_DIR

    @property
    def journal(self) -> Path:
        """The journal: one line for each finished frame."""
        return self.folder / "journal.jsonl"

    @property
    def lock(self) -> Path:
        """The lock of the run that writes these results at present."""
        return self.folder / "run.lock"

    @property
    def summary(self) -> Path:
        """The summary of the last run, with its settings."""
        return self.folder / "summary.json"

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.folder / "report.html"

    @property
    def statistics(self) -> Path:
        """Folder of the tables that `stats` saves."""
        return self.folder / "statistics"

    def drafts(self, author: str) -> Path:
        """Return the folder of an author's unsaved fixes (see `reviewing.drafts`)."""
        name = quote(author, safe="").replace(".", "%2E")  # `..` would lead out of the folder
        if len(name) > _LONGEST_AUTHOR:
            digest = blake2b(author.encode(), digest_size=8).hexdigest()
            name = f"{name[:_LONGEST_AUTHOR]}-{digest}"
        return self.folder / "drafts" / name

    def numbers(self, scene: str) -> Path:
        """Return the path of the table of numbers of a scene (see `dataset.numbers`)."""
        return self.folder / "numbers" / f"{scene}.csv"

    def export(self, form: str) -> Path:
        """Return the default folder of an export in a format."""
        return self.folder / "exports" / form


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a data set and of its results; small, so that it can travel to workers.

    ```
    <data_root>/<scene>/images/frame_000000.jpg                   image_path
    <data_root>/<scene>/obj_ids/frame_000000.jpg.pth              ids_path
    <data_root>/<scene>/poses.json                                poses_path
    <data_root>/<scene>/depth/frame_000000.png                    depth_folder
    <output_root>/<scene>/obj_ids_refine/frame_000000.jpg.pth     output_path
    <output_root>/<scene>/obj_ids_fixed/frame_000000.jpg.pth      fix_path
    <output_root>/obj_ids_refine.zarr/                            mirror_url
    <output_root>/autorefiner/                                    record
    ```

    Raises
    ------
    ConfigError
        The patterns do not fit together, or results would go where input lies.
    """

    data_root: Path
    data: DataConfig
    """Settled: a layout's name is replaced by its patterns (see `settle`)."""
    output: OutputConfig
    _folders: tuple[str, str, str, str] = field(init=False, repr=False)
    """Folders of a scene's images, ids, results and fixes; each ends in a slash."""

    def __post_init__(self) -> None:
        check_folders(self.data, self.output)
        data = settle(self.data_root, self.data)
        images, ids = (kind.pattern for kind in kinds_of(data))
        check_result_place(self.data_root, data, self.output, images, ids)
        folders = images.folder(_SCENE), ids.folder(_SCENE)
        results = result_folder(self.output, ids, _SCENE)
        fixes = fixes_folder(self.output, ids, _SCENE)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "_folders", (*folders, results, fixes))

    @property
    def output_root(self) -> Path:
        """Folder that holds the result scenes: `output.root`, or the data root."""
        return self.output.root or self.data_root

    @property
    def record(self) -> RecordPaths:
        """Paths of the record: journal, summary, report and the like."""
        return RecordPaths(self.output_root)

    @property
    def first_pass(self) -> FirstPassLayout:
        """The layout in which the first of two passes writes."""
        # The folder of results is replaced too, as input may lie where only `output.path` does not.
        of_first = {"path": None, "dir": RECORD_DIR, "format": FORMAT_OF_FIRST_PASS}
        output = self.output.model_copy(update=of_first)
        return FirstPassLayout(self.data_root, self.data, output)

    @property
    def mirror_url(self) -> str:
        """Absolute path or URL of the mirror of the results, whether it is kept or not."""
        mirror = self.output.mirror
        if isinstance(mirror, str):
            return mirror if is_remote(mirror) else str(Path(mirror).absolute())
        return str((self.output_root / f"{self.output.dir}.zarr").absolute())

    def results_folder(self, scene: str) -> Path:
        """Return the folder that all results of a scene lie in, at any depth."""
        return self.output_root / self._folders[2].replace(_SCENE, scene)

    def fixes_folder(self, scene: str) -> Path:
        """Return the folder that all fixes of a scene lie in, at any depth."""
        return self.output_root / self._folders[3].replace(_SCENE, scene)

    def input_folders(self, scene: str) -> tuple[Path, Path]:
        """Return the folders that all images, and all ids, of a scene lie in, at any depth."""
        return (
            self.data_root / self._folders[0].replace(_SCENE, scene),
            self.data_root / self._folders[1].replace(_SCENE, scene),
        )

    def image_path(self, frame: FrameRef) -> Path:
        """Return the path of the frame's image."""
        return self.data_root / f"{self._folders[0].replace(_SCENE, frame.scene)}{frame.image}"

    def ids_path(self, frame: FrameRef) -> Path:
        """Return the path of the frame's coarse id map."""
        return self.data_root / f"{self._folders[1].replace(_SCENE, frame.scene)}{frame.ids}"

    def poses_path(self, scene: str, name: str) -> Path:
        """Return the path of the file with a scene's cameras, by its name, `scene.poses`."""
        return self._scene_folder(scene) / name

    def depth_folder(self, scene: str, name: str) -> Path:
        """Return the folder of a scene's depth images, by its name, `scene.depth`."""
        return self._scene_folder(scene) / name

    def output_path(self, frame: FrameRef) -> Path:
        """Return the path of the refined id map: by `output.path`, or image name plus suffix."""
        if self.output.path:
            return self.output_root / self._name_result(frame)
        return self._named_after(frame, self._folders[2])

    def fix_path(self, frame: FrameRef) -> Path:
        """Return the path at which a fix of the frame is written: image name plus suffix."""
        return self._named_after(frame, self._folders[3])

    def _named_after(self, frame: FrameRef, folder: str) -> Path:
        # Appended, never `with_suffix`: that would turn frame.jpg into frame.pth.
        name = frame.image + RESULT_FORMATS[self.output.format].suffix
        return self.output_root / f"{folder.replace(_SCENE, frame.scene)}{name}"

    def _scene_folder(self, scene: str) -> Path:
        """Return the folder that the pattern of images calls {scene}."""
        images = images_pattern(self.data)
        whole = images.folder(scene).split("/")
        return self.data_root.joinpath(*whole[: images.scene_depth + 1])

    def _name_result(self, frame: FrameRef) -> str:
        images = images_pattern(self.data)
        values = values_of(images, frame.scene, frame.image)
        if values is None:
            raise DatasetError(
                f"{frame.name}: found no such path in {images.text!r}; expected a "
                "frame of this data set and these settings"
            )
        return result_pattern(self.output).fill(values)


@dataclass(frozen=True, slots=True)
class FirstPassPaths(RecordPaths):
    """The record of a first pass: a journal of its own, all else as in the record of the run."""

    @property
    def results(self) -> Path:
        """Folder of the first pass's results."""
        return self.folder / "first_pass"

    @property
    def journal(self) -> Path:
        """The journal of the first pass."""
        return self.results / "journal.jsonl"


@dataclass(frozen=True, slots=True)
class FirstPassLayout(Layout):
    """The layout of the first of two passes: its results lie in the record, as compressed PNG.

    ```
    <output_root>/autorefiner/first_pass/<scene>/frame_000000.jpg.png   output_path
    <output_root>/autorefiner/first_pass/journal.jsonl                  record.journal
    ```
    """

    @property
    def record(self) -> FirstPassPaths:
        """Paths of the record, with the journal of the first pass."""
        return FirstPassPaths(self.output_root)

    def results_folder(self, scene: str) -> Path:
        """Return the folder that all results of the first pass of a scene lie in."""
        return self.record.results / scene

    def output_path(self, frame: FrameRef) -> Path:
        """Return the path of the ids that the first pass found."""
        name = frame.image + RESULT_FORMATS[FORMAT_OF_FIRST_PASS].suffix
        return self.results_folder(frame.scene) / name


def is_remote(url: str) -> bool:
    """Return whether an address is a URL, not a path."""
    return "://" in url
