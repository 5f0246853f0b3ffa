"""Every setting, its default and its bounds: the only place where a default is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from pipeline.config.paths import PathSetting, PathText
from pipeline.config.patterns import parse_pattern
from pipeline.tables import Table

RESULTS_VERSION = 3
"""Raise this when the same settings give other results than before: older results become stale."""
SECOND_PASS_VERSION = 1
"""The same for results of a second pass."""

Count: TypeAlias = Annotated[int, Field(strict=True, ge=1)]
Natural: TypeAlias = Annotated[int, Field(strict=True, ge=0)]
Whole: TypeAlias = Annotated[int, Field(strict=True)]
Fraction: TypeAlias = Annotated[float, Field(strict=True, ge=0.0, le=1.0)]
Seconds: TypeAlias = Annotated[float, Field(strict=True, gt=0.0)]
Switch: TypeAlias = Annotated[bool, Field(strict=True)]


def _name_one_folder(name: str) -> str:
    if name in ("", ".", "..") or {"/", "\\", "\0"} & {*name}:
        raise ValueError(
            "must name one folder inside the scene; folders several deep, or kind first, are told "
            "by data.images, data.ids and output.path, such as {scene}/dslr/images/{frame}"
        )
    return name


FolderName: TypeAlias = Annotated[str, AfterValidator(_name_one_folder)]


def _check_pattern(text: str) -> str:
    parse_pattern(text)
    return text


PatternText: TypeAlias = Annotated[str, AfterValidator(_check_pattern)]

LayoutName: TypeAlias = Literal[
    "autorefiner", "scannetpp", "scannet", "3rscan", "replica", "hypersim", "insscene"
]
LAYOUT_NAMES: tuple[str, ...] = get_args(LayoutName)

Fit: TypeAlias = Literal["auto", "scale", "centre"]


def _ask_for_unit(memory: object) -> object:
    """Refuse a bare number, which Dask takes as bytes: a worker of 16 bytes never starts."""
    number = f"{memory:.12g}" if type(memory) in (int, float) else str(memory).strip()
    try:
        amount = float(number)
    except ValueError:
        return memory
    if amount == 0:
        return memory
    unit = "B" if amount >= 2**20 else "GB"
    raise ValueError(f"a size needs a unit; '{number}{unit}'?")


Memory: TypeAlias = Annotated[str, BeforeValidator(_ask_for_unit)]
"""A size in words, such as '16GB'."""

ModelName: TypeAlias = Literal[
    "sam2.1_hiera_large",
    "sam2.1_hiera_base_plus",
    "sam2.1_hiera_small",
    "sam2.1_hiera_tiny",
    "sam2_hiera_large",
    "sam2_hiera_base_plus",
    "sam2_hiera_small",
    "sam2_hiera_tiny",
    "demo",
]
MODEL_NAMES: tuple[str, ...] = get_args(ModelName)


def setting(default: Any, meaning: str, *, shapes_results: bool = False) -> Any:
    """Return the field of one setting: default, meaning, and whether refined ids depend on it."""
    return Field(
        default,
        description=meaning,
        json_schema_extra={"shapes_results": shapes_results},
    )


class Section(BaseModel):
    """Base of all settings: frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class DataConfig(Section):
    """Where the input lies below the data root."""

    layout: LayoutName = setting(
        "autorefiner",
        "how a known data set lies on disk; autorefiner: `images_dir` and `ids_dir` in each scene",
    )
    images: PatternText | None = setting(
        None,
        "pattern of the paths of images below the data root, in place of `layout`'s, such as "
        "`{scene}/dslr/resized_undistorted_images/{frame}.JPG`",
    )
    ids: PatternText | None = setting(
        None,
        "pattern of the paths of coarse id maps, in place of `layout`'s, such as "
        "`obj_ids/{scene}/{frame}.JPG.pth`",
    )
    images_dir: FolderName = setting("images", "folder of a scene that holds its images")
    ids_dir: FolderName = setting("obj_ids", "folder of a scene that holds its coarse id maps")
    scenes: tuple[str, ...] = setting(
        (), "names or glob patterns of the scenes to take; empty takes all"
    )
    max_scenes: Count | None = setting(None, "take only the first so many scenes, by name")
    fit: Fit = setting(
        "auto",
        "how ids lie on an image of another size; auto: over all of it where both have one shape, "
        "else an error; scale: over all of it; centre: over its middle, pixel for pixel",
        shapes_results=True,
    )
    ids_key: str | None = setting(
        None,
        "name of the id map in files that hold several arrays; default: the only one that is one",
        shapes_results=True,
    )
    ids_encoding: Literal["grey", "rgb24"] = setting(
        "grey",
        "what pixels of a picture stand for; grey: their grey value, or their index in a palette; "
        "rgb24: R + 256 G + 65536 B of their colour",
        shapes_results=True,
    )
    void: tuple[Whole, ...] = setting(
        (),
        "more ids that stand for no object, such as 255 or 65535; 0, NaN, -1, -100 and a -1 "
        "wrapped to 4294967295 always do",
        shapes_results=True,
    )

    renumber: Switch = setting(
        False,
        "give ids above 65535 free numbers up to there, the same in all frames of a scene; the "
        "tables are kept beside the journal, in numbers/<scene>.csv",
        shapes_results=True,
    )

    @field_validator("void", mode="before")
    @classmethod
    def _accept_one_id(cls, value: object) -> object:
        return (value,) if isinstance(value, int) else value

    @field_validator("void")
    @classmethod
    def _sort(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted({*value}))

    @field_validator("scenes", mode="before")
    @classmethod
    def _take_names_as_text(cls, value: object) -> object:
        names = value if isinstance(value, list | tuple) else (value,)
        for name in names:
            if not isinstance(name, str):
                raise ValueError(
                    f"a scene's name has to be text: {name!r} is no text any more, and another "
                    "name may have stood there. Put it in quotes"
                )
        return tuple(names)


class ModelConfig(Section):
    """Which SAM 2, from where, and how it computes."""

    name: ModelName = setting("sam2.1_hiera_large", "a known checkpoint, by its file name")
    config: PathText | None = setting(
        None,
        "architecture of a checkpoint of your own: a YAML file, or a name inside the sam2 package",
    )
    checkpoint: PathSetting | None = setting(
        None, "weights file to load in place of the known one: of torch or safetensors"
    )
    device: Literal["auto", "cuda", "mps", "cpu"] = setting("auto", "where the model computes")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = setting(
        "auto",
        "arithmetic of the forward passes; auto is bfloat16 on CUDA, float32 elsewhere",
        shapes_results=True,
    )
    compile: Switch | Literal["auto"] = setting(
        "auto",
        "compile the model with torch.compile on CUDA, which takes a minute or more; auto: in runs "
        "that are long enough to pay for it",
    )
    cache_dir: PathSetting | None = setting(
        None, "folder for downloaded checkpoints; default: the user's cache folder"
    )

    @field_validator("name", mode="before")
    @classmethod
    def _accept_file_name(cls, value: object) -> object:
        return value.removesuffix(".pt") if isinstance(value, str) else value


class ProposalsConfig(Section):
    """How SAM 2 is asked for masks."""

    mode: Literal["grid", "guided"] = setting(
        "guided",
        "grid: segment everything; guided: prompt from the coarse ids",
        shapes_results=True,
    )
    points_per_side: Count = setting(
        32, "grid: points along each side of the image", shapes_results=True
    )
    rounds: Count = setting(
        2,
        "guided: times to ask for each object, the later ones with the mask found so far",
        shapes_results=True,
    )
    unlabelled_points_per_side: Natural = setting(
        8, "guided: the same, for areas without coarse ids", shapes_results=True
    )
    points_per_batch: Count = setting(64, "prompts in one call of the mask decoder")
    images_per_batch: Count | None = setting(
        None, "images in one call of the image encoder; default: 4 on CUDA, 1 elsewhere"
    )
    predicted_iou_threshold: Fraction = setting(
        0.7, "drop masks whose quality SAM itself rates lower", shapes_results=True
    )
    stability_threshold: Fraction = setting(
        0.5, "drop masks that change more when their cut-off moves", shapes_results=True
    )
    nms_threshold: Fraction = setting(
        0.7, "of two masks that overlap more than this, keep the better", shapes_results=True
    )
    min_region_area: Natural = setting(
        100, "fill holes and drop islands smaller than this many pixels", shapes_results=True
    )


class RefinementConfig(Section):
    """How masks become objects."""

    iou_threshold: Fraction = setting(
        0.3, "IoU from which a mask is a direct match of an object", shapes_results=True
    )
    min_agreement: Fraction = setting(
        0.4,
        "agreement of masks and coarse map from which masks replace an object's coarse pixels; "
        "more is asked in a frame where the two agree on little",
        shapes_results=True,
    )
    borders: Literal["image", "masks"] = setting(
        "image",
        "image: the image says which differences from the coarse map are right, and where borders "
        "run; masks: both as SAM's masks have it",
        shapes_results=True,
    )
    unclaimed: Literal["zero", "coarse", "nearest"] = setting(
        "zero",
        "pixels that no object claims: 0, their coarse id, or the id of the nearest object; "
        "small holes inside one object are that object's",
        shapes_results=True,
    )


class SceneConfig(Section):
    """A second pass over a scene, in which frames are refined with their neighbours' help.

    With one pass these settings shape nothing.
    """

    passes: Annotated[int, Field(strict=True, ge=1, le=2)] = setting(
        1, "2: refine each frame once more, with what the first pass found in its neighbours"
    )
    # A result names its neighbours in its provenance, whose size is bounded.
    neighbours: Annotated[int, Field(strict=True, ge=1, le=32)] = setting(
        4, "frames that a frame is compared with", shapes_results=True
    )
    window: Count = setting(
        8,
        "frames before and after a frame among which its neighbours are chosen",
        shapes_results=True,
    )
    memory: Switch = setting(
        False,
        "ask SAM 2's memory, too, for objects that neighbours show and a frame lacks, or that they "
        "show otherwise; takes about as long as a first pass",
        shapes_results=True,
    )
    poses: FolderName | None = setting(
        "poses.json",
        "file inside each scene with the cameras of its frames, where there is one; "
        "null ignores it",
        shapes_results=True,
    )
    depth: FolderName | None = setting(
        "depth",
        "folder inside each scene with depth images, where there is one; null ignores it",
        shapes_results=True,
    )
    depth_unit: Annotated[float, Field(strict=True, gt=0.0)] = setting(
        0.001, "metres that a value of 1 in a depth image stands for", shapes_results=True
    )


class OutputConfig(Section):
    """Where results go, and in which form."""

    dir: FolderName = setting(
        "obj_ids_refine",
        "folder of a scene that receives refined ids, or folder of scenes where the coarse ids lie "
        "in one",
    )
    path: PatternText | None = setting(
        None,
        "pattern of the paths of results below the data root, or below `root`, in place of `dir`, "
        "such as `obj_ids_refine/{scene}/{frame}.pth`",
    )
    fixes_dir: FolderName = setting(
        "obj_ids_fixed",
        "folder that receives fixes, ids that people corrected, where `dir` receives refined ids; "
        "the fix of a frame counts in place of its refined ids",
    )
    root: PathSetting | None = setting(None, "write below this folder instead of the data root")
    format: Literal["pth", "pth-numpy", "npy", "npz", "png"] = setting(
        "pth",
        "pth: torch uint16; pth-numpy: a numpy uint16 array inside .pth; "
        "npy: int16; npz: uint16 by the name `ids`, compressed; png: 16-bit grey",
        shapes_results=True,
    )
    mirror: Switch | Annotated[PathText, Field(min_length=1)] = setting(
        False,
        "keep a zarr store of all results: true puts it beside the scenes, a path or URL elsewhere",
    )
    mirror_shard: Count = setting(
        1,
        "frames in one file of the mirror; above 1, files are made when their frames are done",
    )


class ClusterConfig(Section):
    """Which Dask cluster does the work."""

    kind: Literal["auto", "cuda", "cpu", "slurm", "existing"] = setting(
        "auto",
        "auto: an existing scheduler if one is named, else CUDA if there is a GPU, else CPU; "
        "slurm: workers as SLURM jobs",
    )
    scheduler: str | None = setting(None, "address of a scheduler that runs already")
    scheduler_file: PathSetting | None = setting(None, "file that a running scheduler wrote")
    workers: Count | None = setting(
        None,
        "worker processes, or SLURM jobs; default: one a GPU, as many as the CPUs carry, or 1 job",
    )
    worker_timeout: Seconds = setting(
        300.0, "seconds to wait for a worker, at the start and whenever all of them are gone"
    )
    memory_limit: Memory | None = setting(
        None, "memory at which a worker is restarted, such as '16GB'; default: no limit"
    )
    dashboard_address: str = setting(
        "127.0.0.1:8787", "where the Dask dashboard listens; another port if this one is taken"
    )
    tls_ca_file: PathSetting | None = setting(
        None,
        "PEM file of the authority that signed the certificates of a tls:// cluster; "
        "default: temporary credentials for local clusters, Dask's own settings for others",
    )
    tls_cert: PathSetting | None = setting(None, "PEM file of this side's certificate")
    tls_key: PathSetting | None = setting(None, "PEM file of this side's private key")
    slurm_queue: str | None = setting(None, "SLURM partition to submit to")
    slurm_account: str | None = setting(None, "SLURM account to charge")
    slurm_walltime: str | None = setting(None, "time limit of a SLURM job, such as '12:00:00'")
    slurm_gpus: Natural = setting(1, "GPUs of a SLURM job, one worker each; 0: a CPU worker")
    slurm_cores: Count = setting(4, "CPU cores of a SLURM job")
    slurm_memory: Memory = setting("32GB", "memory of a SLURM job")
    slurm_interface: str | None = setting(
        None, "network interface between scheduler and workers, such as 'ib0'"
    )
    slurm_directives: tuple[str, ...] = setting(
        (), "more #SBATCH options, such as '--constraint=a100'"
    )
    slurm_prologue: tuple[str, ...] = setting(
        (), "shell lines before a SLURM worker starts, such as 'module load cuda'"
    )


class ReportConfig(Section):
    """The page that shows what happened."""

    at_end: Switch = setting(True, "write the report at the end of every run")
    frames: Natural = setting(
        4, "frames to show for each reason to look at one; their pictures are inside the page"
    )
    picture_width: Count = setting(560, "width of these pictures, in pixels")
    scenes: Count = setting(
        12, "scenes whose objects are drawn over time, where `autorefiner stats` has counted them"
    )


class RunConfig(Section):
    """How a run is cut up and watched."""

    partition_size: Count = setting(
        16, "frames in one Dask task, at most: the unit of progress and loss"
    )
    redo: Literal["none", "stale", "failed", "all"] = setting(
        "none",
        "frames to do again though they are on record: those made with other settings (stale), "
        "those that failed, or all",
    )
    max_failure_rate: Fraction = setting(
        0.9,
        "end the run once more than this share of its frames has failed, of 100 or more; 1: never",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "how much the run tells; from warning on, no progress either"
    )
    log_format: Literal["text", "json"] = setting(
        "text", "lines of the log for people, or one JSON object a line for programs"
    )
    performance_report: PathSetting | None = setting(
        None, "HTML file that receives Dask's own report of the run: tasks, transfers, profiles"
    )


def section_fields(section: Any) -> dict[str, Any]:
    """Return the settings of a section's class, by name."""
    return dict(section.model_fields)


@dataclass(frozen=True, slots=True)
class PlainSetting:
    """One setting and its default, in values that JSON knows."""

    section: str
    key: str
    value: Any
    default: Any

    @property
    def name(self) -> str:
        """Name of the setting in `--set`."""
        return f"{self.section}.{self.key}"

    @property
    def is_changed(self) -> bool:
        """Whether the value differs from the default."""
        return bool(self.value != self.default)


class Config(Section):
    """All settings of a run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    proposals: ProposalsConfig = ProposalsConfig()
    refinement: RefinementConfig = RefinementConfig()
    scene: SceneConfig = SceneConfig()
    output: OutputConfig = OutputConfig()
    cluster: ClusterConfig = ClusterConfig()
    run: RunConfig = RunConfig()
    report: ReportConfig = ReportConfig()

    def fingerprint(self, model_identity: str) -> str:
        """Hash the settings that shape results, the model and the version to 16 hex digits.

        Parameters
        ----------
        model_identity
            Identity of the weights, independent of their file; `sam.model_identity` returns it.
        """
        values = self.model_dump(mode="json")
        shaping = {
            f"{section}.{key}": values[section][key]
            for section, part in type(self).model_fields.items()
            if section != "scene" or self.scene.passes == 2
            for key, field in section_fields(part.annotation).items()
            if field.json_schema_extra["shapes_results"]
        }
        facts = [RESULTS_VERSION, model_identity, shaping]
        if self.scene.passes == 2:
            facts.append(SECOND_PASS_VERSION)
        text = json.dumps(facts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def first_pass(self) -> Config:
        """The settings of the first of two passes: those of a run with one pass."""
        return self.model_copy(update={"scene": SceneConfig()})

    def changes(self) -> dict[str, Any]:
        """Return the values that differ from the defaults, in plain values by `section.key`."""
        return {each.name: each.value for each in self.in_plain_values() if each.is_changed}

    def in_plain_values(self) -> Iterator[PlainSetting]:
        """Yield every setting beside its default, section by section."""
        values, defaults = self.model_dump(mode="json"), type(self)().model_dump(mode="json")
        for section, part in values.items():
            for key, value in part.items():
                yield PlainSetting(section, key, value, defaults[section][key])

    def _repr_html_(self) -> str:
        """Return a table of all settings as HTML, with the default of each changed one."""
        rows = [
            (each.name, str(each.value), str(each.default) if each.is_changed else "")
            for each in self.in_plain_values()
        ]
        return Table(("setting", "value", "instead of"), rows, words=frozenset({0, 1, 2})).as_html()
