"""Where the input of a data set lies: its two patterns, whichever settings say so.

A named layout has several ways to lie on disk. Which one it is shows in the first scenes: the first
way in which some image has ids there. Everybody who asks looks at the same files, so all of a run
go by one way; a `Layout` that travels to workers has it inside.
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
    """Return the pattern of the images; `data` is settled."""
    return parse_pattern(data.images) if data.images else pattern_of_folder(data.images_dir)


def kinds_of(data: DataConfig) -> tuple[Kind, Kind]:
    """Return how images and coarse ids are found; `data` is settled.

    Raises
    ------
    ConfigError
        The two cannot be told apart, or do not have the same placeholders.
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
    """Return settings by which ids of another kind, such as a truth, are found for the same images.

    Parameters
    ----------
    data
        Settled settings of the data set.
    place
        A pattern, or the name of a folder, which then takes the place of the folder of coarse ids.

    Raises
    ------
    ConfigError
        The pattern is wrong, or a name does not tell enough.
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
    """Return the path of a folder that lies as the coarse ids of a scene do.

    Below the scene, or above it where the kind comes first.
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
    """Replace the name of a layout by the patterns of the way that a data set lies on disk.

    Raises
    ------
    ConfigError
        Folders are set besides a layout or patterns, which name other ones.
    """
    _refuse_both(data)
    ways = ways_of(data)
    if len(ways) == 1:
        return ways[0]
    return next((way for way in ways if pairs_in(root, way)), ways[0])


def ways_of(data: DataConfig) -> list[DataConfig]:
    """Return every way that the input may lie, each with patterns and without a name."""
    if data.layout == "autorefiner":
        return [data]
    wanted = dict.fromkeys(
        PatternPair(data.images or pair.images, data.ids or pair.ids)
        for pair in KNOWN_LAYOUTS[data.layout]
    )
    own = {"layout": "autorefiner"}
    return [data.model_copy(update={**own, **pair._asdict()}) for pair in wanted]


def pairs_in(root: Path, data: DataConfig) -> tuple[str, str] | None:
    """Return the paths of an image and its ids in one of the first scenes; None without any."""
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
    """Return the data root and the scene that the place of an image says; None for another place.

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
    """Tell whether `data.scenes` takes a scene."""
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
