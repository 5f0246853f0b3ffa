"""Paths of results and fixes: beside the coarse ids or by a pattern, never where input lies."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pipeline.config import DataConfig, OutputConfig
from pipeline.config.patterns import Hole, Part, PathPattern, may_meet, parse_pattern
from pipeline.dataset.formats import RESULT_FORMATS
from pipeline.dataset.input_patterns import beside_ids
from pipeline.dataset.walk import RECORD_DIR
from pipeline.errors import ConfigError

_SCENE = "\0"
"""Placeholder of the scene in a folder's path: a character that no file name can contain."""


def result_folder(output: OutputConfig, ids: PathPattern, scene: str) -> str:
    """Return the folder that all results of a scene lie in, below the output root.

    Without a pattern, `output.dir` replaces the folder of coarse ids in their path: below the
    scene, or above it as in `obj_ids/{scene}`.
    """
    if output.path:
        return result_pattern(output).folder(scene)
    return beside_ids(ids, output.dir, scene)


def fixes_folder(output: OutputConfig, ids: PathPattern, scene: str) -> str:
    """Return the folder that all fixes of a scene lie in, below the output root.

    It stands beside the folder of coarse ids, also where `output.path` places results elsewhere.
    """
    return beside_ids(ids, output.fixes_dir, scene)


def result_pattern(output: OutputConfig) -> PathPattern:
    """Return the pattern of `output.path`, with the suffix of the format."""
    return _with_suffix(output.path or "", RESULT_FORMATS[output.format].suffix)


@lru_cache(maxsize=16)
def _with_suffix(text: str, suffix: str) -> PathPattern:
    return parse_pattern(text if text.lower().endswith(suffix) else text + suffix)


def check_folders(data: DataConfig, output: OutputConfig) -> None:
    """Check that the folders of images, ids, results and fixes have four different names.

    Raises
    ------
    ConfigError
        Two of the names are equal, and no pattern is set; or fixes would lie in the folder of the
        record or of the mirror.
    """
    if output.fixes_dir.casefold() in {RECORD_DIR, f"{output.dir}.zarr".casefold()}:
        raise ConfigError(
            f"found output.fixes_dir={output.fixes_dir!r}, which is the folder of the record or of "
            "the mirror; expected a folder for fixes alone"
        )
    folders = [data.images_dir, data.ids_dir, output.dir, output.fixes_dir]
    has_patterns = data.layout != "autorefiner" or data.images or data.ids or output.path
    if not has_patterns and len({name.casefold() for name in folders}) < len(folders):
        raise ConfigError(
            f"found data.images_dir={data.images_dir!r}, data.ids_dir={data.ids_dir!r}, "
            f"output.dir={output.dir!r} and output.fixes_dir={output.fixes_dir!r}; expected four "
            "different folders: results and fixes never go where input lies. Where images and ids "
            "share a folder, data.images and data.ids tell them apart, such as "
            "{scene}/all/{frame}.color.jpg"
        )


def check_result_place(
    root: Path, data: DataConfig, output: OutputConfig, images: PathPattern, ids: PathPattern
) -> None:
    """Check that no path of a result or a fix can be the path of an input, nor of each other.

    Raises
    ------
    ConfigError
        The patterns of results, fixes and input may meet, or `output.path` has the wrong
        placeholders.
    """
    if not (data.images or data.ids or output.path):
        return  # `check_folders` has compared the names of the folders
    if output.path:
        _check_placeholders(output, images)
        results = result_pattern(output).parts
    else:
        results = _parts_below(result_folder(output, ids, _SCENE), output, images)
    fixes = _parts_below(fixes_folder(output, ids, _SCENE), output, images)
    # Resolved, since a link or an output root inside the data root could hide an equal path.
    target, of_fixes = (_below(output.root or root, parts) for parts in (results, fixes))
    for setting, pattern in (("data.images", images), ("data.ids", ids)):
        source = _below(root, pattern.parts)
        if may_meet(source, target):
            where = output.path or f"the folder {output.dir}/"
            raise ConfigError(
                f"found {setting}={pattern.text!r}, which also means results in {where}; expected "
                "results where no input lies. Set output.path, or output.root to a folder elsewhere"
            )
        if may_meet(source, of_fixes):
            raise _in_the_way(output, f"{setting}={pattern.text!r}")
    if may_meet(target, of_fixes):
        raise _in_the_way(output, f"output.path={output.path!r}")


def _in_the_way(output: OutputConfig, meeting: str) -> ConfigError:
    return ConfigError(
        f"found {meeting}, which also means fixes in the folder {output.fixes_dir}/; expected "
        "fixes in a folder of their own. Set output.fixes_dir to another name"
    )


def _parts_below(folder: str, output: OutputConfig, images: PathPattern) -> tuple[Part, ...]:
    """Return the parts of paths that are named after images, below a folder of a scene."""
    scene: Part = (Hole("scene"),)
    *inner, last = images.parts[images.n_fixed :]
    name = (*last, RESULT_FORMATS[output.format].suffix)
    above = folder.rstrip("/").split("/")
    return (*(scene if each == _SCENE else (each,) for each in above), *inner, name)


def _check_placeholders(output: OutputConfig, images: PathPattern) -> None:
    pattern = result_pattern(output)
    if any(isinstance(p, Hole) and not p.name for part in pattern.parts for p in part):
        raise ConfigError(
            f"found * in output.path={output.path!r}; expected placeholders with names"
        )
    if pattern.names != images.names:
        wanted = ["scene", "frame", *sorted(images.names)]
        raise ConfigError(
            f"found output.path={output.path!r}; expected the placeholders of the images, each: "
            + ", ".join(f"{{{name}}}" for name in wanted)
        )
    suffix = RESULT_FORMATS[output.format].suffix
    wrong = {form.suffix for form in RESULT_FORMATS.values()} - {suffix}
    if output.path and output.path.lower().endswith(tuple(wrong)):
        raise ConfigError(
            f"found output.path={output.path!r} and output.format={output.format}; expected a path "
            f"that ends in {suffix}, or in no suffix of results"
        )


def _below(root: Path, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return (*((name,) for name in root.resolve().parts), *parts)
