"""The two patterns of a data set's input, images and ids, from its settings.

A named layout has several variants on disk, called ways. The first way in which some image has ids
in the first scenes is taken. All parts of a run look at the same files and so take the same way; a
`Layout` that travels to workers holds the patterns.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from pipeline.config import DataConfig
from pipeline.config.patterns import (
    SCENE,
    Hole,
    PathPattern,
    match_name,
    parse_pattern,
    pattern_of_folder,
)
from pipeline.dataset.formats import IDS_SUFFIXES
from pipeline.dataset.known_layouts import KNOWN_LAYOUTS, PatternPair
from pipeline.dataset.pairing import IMAGE_SUFFIXES, pair
from pipeline.dataset.walk import Kind, find_files, find_scenes
from pipeline.errors import ConfigError

SCENES_TO_LOOK_AT = 5


def images_pattern(data: DataConfig) -> PathPattern:
    """Return the pattern of the images, by settled settings (see `settle`)."""
    return parse_pattern(data.images) if data.images else pattern_of_folder(data.images_dir)


def kinds_of(data: DataConfig) -> tuple[Kind, Kind]:
    """Return the kinds of input, images and coarse ids, by settled settings.

    Raises
    ------
    ConfigError
        The two patterns are equal, or do not have the same placeholders.
    """
    images = images_pattern(data)
    ids = parse_pattern(data.ids) if data.ids else pattern_of_folder(data.ids_dir)
    if images.names != ids.names:
        raise ConfigError(
            f"found the placeholders {_listed(images)} in {images.text!r} and {_listed(ids)} in "
            f"{ids.text!r}; expected the same ones, and * for what differs"
        )
    if images.text.casefold() == ids.text.casefold():
        raise ConfigError(f"found {images.text!r} for images and ids; expected two patterns")
    return Kind(images, IMAGE_SUFFIXES), Kind(ids, IDS_SUFFIXES)


def ids_elsewhere(data: DataConfig, place: str) -> DataConfig:
    """Return settings that find other ids, such as a truth, for the same images.

    Parameters
    ----------
    data
        Settled settings of the data set.
    place
        A pattern, or the name of a folder that replaces the folder of coarse ids.

    Raises
    ------
    ConfigError
        The pattern is wrong, or a name was given where a pattern is needed.
    """
    if "{" not in place and not (data.images or data.ids):
        return data.model_copy(update={"ids_dir": place})
    coarse = kinds_of(data)[1].pattern
    if "{" not in place:
        if coarse.names:
            raise ConfigError(
                f"found the folder {place!r}; expected a pattern with the placeholders of "
                f"{coarse.text!r}"
            )
        return data.model_copy(update={"ids": f"{beside_ids(coarse, place, '{scene}')}{{frame}}"})
    try:
        parse_pattern(place)
    except ValueError as error:
        raise ConfigError(f"{error}") from None
    return data.model_copy(update={"ids": place})


def beside_ids(ids: PathPattern, folder: str, scene: str) -> str:
    """Return the path of a folder that stands where the folder of a scene's coarse ids does.

    That is below the scene, or above it as in `obj_ids/{scene}`.
    """
    above = ids.parts[: ids.scene_depth]
    if any(isinstance(piece, Hole) for part in above for piece in part):
        return f"{scene}/{folder}/"
    names = ["".join(map(str, part)) for part in above]
    if names and ids.scene_depth == len(ids.parts) - 2:
        names[-1:] = [folder, scene]
    else:
        names += [scene, folder]
    return "".join(f"{name}/" for name in names)


def settle(root: Path, data: DataConfig) -> DataConfig:
    """Replace the name of a layout by the patterns that fit the data set on disk.

    Raises
    ------
    ConfigError
        A folder is set together with a layout or a pattern, which name the folder themselves.
    """
    _refuse_both(data)
    ways = ways_of(data)
    if len(ways) == 1:
        return ways[0]
    return next((way for way in ways if pairs_in(root, way)), ways[0])


def ways_of(data: DataConfig) -> list[DataConfig]:
    """Return the settings of each variant of the layout, with patterns in place of its name."""
    if data.layout == "autorefiner":
        return [data]
    wanted = dict.fromkeys(
        PatternPair(data.images or pair.images, data.ids or pair.ids)
        for pair in KNOWN_LAYOUTS[data.layout]
    )
    own = {"layout": "autorefiner"}
    return [data.model_copy(update={**own, **pair._asdict()}) for pair in wanted]


def pairs_in(root: Path, data: DataConfig) -> tuple[str, str] | None:
    """Return the paths of an image and its ids from one of the first scenes, or None."""
    images, ids = kinds_of(data)
    for scene in islice(_scenes_with_both(root, data, (images, ids)), SCENES_TO_LOOK_AT):
        try:
            of_images, of_ids = (find_files(root, kind, scene, []) for kind in (images, ids))
        except OSError:
            continue
        frames = pair(scene, of_images, of_ids, (images.pattern, ids.pattern), [])
        if frames:
            frame = frames[0]
            return (
                f"{images.pattern.folder(scene)}{frame.image}",
                f"{ids.pattern.folder(scene)}{frame.ids}",
            )
    return None


def root_of(image: Path, data: DataConfig) -> tuple[Path, str] | None:
    """Return data root and scene of an image, by its path; None if the pattern does not match.

    `image` is an absolute path, `data` are settled settings.
    """
    pattern = images_pattern(data)
    depth = len(pattern.parts)
    if depth > len(image.parents):
        return None
    values: dict[str, str] = {}
    for part, name in zip(pattern.parts[:-1], image.parts[-depth:-1], strict=True):
        found = match_name(part, name, values)
        if found is None:
            return None
        values = found
    return image.parents[depth - 1], values[SCENE]


def is_wanted(scene: str, patterns: tuple[str, ...]) -> bool:
    """Return whether `data.scenes` includes a scene."""
    return not patterns or any(scene == each or fnmatchcase(scene, each) for each in patterns)


def _scenes_with_both(root: Path, data: DataConfig, kinds: tuple[Kind, Kind]) -> Iterator[str]:
    try:
        names = set.intersection(*(find_scenes(root, kind.pattern) for kind in kinds))
    except OSError:
        return
    for scene in sorted(name for name in names if is_wanted(name, data.scenes)):
        if all((root / kind.pattern.folder(scene)).is_dir() for kind in kinds):
            yield scene


def _refuse_both(data: DataConfig) -> None:
    default = DataConfig()
    for folder, pattern in (("images_dir", "images"), ("ids_dir", "ids")):
        is_set = getattr(data, folder) != getattr(default, folder)
        if is_set and getattr(data, pattern):
            raise ConfigError(f"found data.{folder} and data.{pattern}; expected one of the two")
        if is_set and data.layout != "autorefiner":
            raise ConfigError(f"found data.{folder} and data.layout; expected one of the two")


def _listed(pattern: PathPattern) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(pattern.names)) or "(none)"
