"""Pairing of images with id maps, by their names alone.

The ids of `frame.jpg` are the first existing file of `frame.jpg.pth`, `frame.jpg.npy` and so on
through the suffixes of `formats`, then of `frame.pth`, `frame.npy` and so on. An id map without the
image's suffix must fit no other image. If no two names of a scene match, files are paired by the
number of their frame: see `pair_by_number`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from pipeline.config.patterns import FRAME, PathPattern
from pipeline.dataset.formats import IDS_SUFFIXES
from pipeline.dataset.problems import Problem
from pipeline.dataset.walk import Found
from pipeline.records import FrameRef

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
_NUMBERS = re.compile(r"([0-9]+)")


def pair(
    scene: str,
    images: Sequence[Found],
    ids: Sequence[Found],
    patterns: tuple[PathPattern, PathPattern],
    problems: list[Problem],
) -> list[FrameRef]:
    """Return a frame for every image that has ids; add files without a partner to `problems`.

    Parameters
    ----------
    scene
        Name of the scene.
    images, ids
        Files of the scene, in the order that frames are to have.
    patterns
        Patterns of images and of ids.
    """
    unpaired: list[Problem] = []
    frames = list(_pair_by_name(scene, images, ids, patterns, unpaired))
    if frames or not (numbered := pair_by_number(images, ids)):
        problems += unpaired
        return frames
    one, other = numbered[0]
    text = f"paired by frame number alone, such as {one.path} with {other.path}"
    problems.append(Problem("paired by number", scene, scene, text))
    folders = [pattern.folder(scene) for pattern in patterns]
    paired = {f"{folders[k]}{files[k].path}" for files in numbered for k in (0, 1)}
    problems += (problem for problem in unpaired if problem.path not in paired)
    return [FrameRef(scene, image.path, of_image.path) for image, of_image in numbered]


def _pair_by_name(
    scene: str,
    images: Sequence[Found],
    ids: Sequence[Found],
    patterns: tuple[PathPattern, PathPattern],
    problems: list[Problem],
) -> Iterator[FrameRef]:
    of_images, of_ids = (pattern.folder(scene) for pattern in patterns)
    if patterns[0].is_whole_folder:
        problems += _find_twins(scene, of_images, images)
    by_key = _group(sorted(ids, key=_preference), key=lambda each: each.stem)
    stems = Counter(image.stem for image in images)
    names = Counter(image.name for image in images)
    for image in images:
        if names[image.name] > 1:
            text = "has the same values of all placeholders as another image; left out"
            problems.append(Problem("ambiguous image", scene, f"{of_images}{image.path}", text))
            continue
        is_alone = stems[image.stem] == 1 and image.stem not in names
        candidates = by_key.pop(image.name, [])
        if is_alone:
            candidates = candidates + by_key.pop(image.stem, [])
        if not candidates:
            problems.append(_lonely_image(scene, of_images, image, by_key, names, patterns[1]))
            continue
        if len(candidates) > 1:
            others = ", ".join(each.path for each in candidates[1:])
            text = f"taken as the ids of {image.path}; left out: {others}"
            path = f"{of_ids}{candidates[0].path}"
            problems.append(Problem("several ids", scene, path, text))
        yield FrameRef(scene, image.path, candidates[0].path)
    for leftover in chain.from_iterable(by_key.values()):
        text = f"belongs to no image of {_inside(scene, of_images)} alone; left out"
        problems.append(Problem("ids without image", scene, f"{of_ids}{leftover.path}", text))


def pair_by_number(images: Sequence[Found], ids: Sequence[Found]) -> list[tuple[Found, Found]]:
    """Pair files whose names share only the number of their frame, in the order of the images.

    Examples are `rgb_0.png` with `semantic_instance_0.png`, `frame-000007.color.jpg` with `7.npy`.
    The names of each kind must differ in exactly one number, as names made by a program do. Return
    an empty list if they do not, or if neither kind has all numbers of the other: a shift by one
    frame would spoil every result.
    """
    of_images, of_ids = _by_number(images), _by_number(ids)
    one_covers_other = of_images.keys() <= of_ids.keys() or of_ids.keys() <= of_images.keys()
    if not one_covers_other:
        return []
    return [(image, of_ids[number]) for number, image in of_images.items() if number in of_ids]


def _by_number(files: Sequence[Found]) -> dict[tuple[str, int], Found]:
    """Return files by the values of other placeholders and the number in which names differ.

    Return {} if names differ in anything else, or if two files have the same number.
    """
    split = [file.stem.rpartition("/") for file in files]
    runs = [_NUMBERS.split(name) for _, _, name in split]
    if not runs or len({(len(run), *run[::2]) for run in runs}) > 1:
        return {}
    columns = list(zip(*(map(int, run[1::2]) for run in runs), strict=True))
    varying = [k for k, column in enumerate(columns) if len({*column}) > 1]
    if len(columns) == 1:
        varying = [0]
    if len(varying) != 1:
        return {}
    numbers = columns[varying[0]]
    found = {
        (group, number): file
        for (group, _, _), number, file in zip(split, numbers, files, strict=True)
    }
    return found if len(found) == len(files) else {}


def _lonely_image(
    scene: str,
    folder: str,
    image: Found,
    by_key: dict[str, list[Found]],
    names: Counter[str],
    ids: PathPattern,
) -> Problem:
    path = f"{folder}{image.path}"
    if image.stem in by_key and image.stem not in names:
        loose = by_key[image.stem][0].path
        suffix = loose[loose.rindex(".") :]
        text = f"{loose} fits other images too; name it {image.path}{suffix}; left out"
        return Problem("ambiguous ids", scene, path, text)
    text = f"has no id map such as {_expected(scene, image, ids)}; left out"
    return Problem("image without ids", scene, path, text)


def _expected(scene: str, image: Found, ids: PathPattern) -> str:
    if ids.is_whole_folder:
        return f"{_inside(scene, ids.folder(scene))}{image.path}{IDS_SUFFIXES[0]}"
    frame = image.stem.rpartition("/")[2]
    return (
        ids.text.replace("{scene}", scene)
        .replace(f"{{{FRAME}:d}}", f"{{{FRAME}}}")
        .replace(f"{{{FRAME}}}", frame)
    )


def _inside(scene: str, folder: str) -> str:
    """Return a folder as messages name it: relative to its scene if it lies in it."""
    return folder.removeprefix(f"{scene}/") or "the data root"


def _find_twins(scene: str, folder: str, images: Sequence[Found]) -> Iterator[Problem]:
    by_stem = _group(images, key=lambda image: image.stem.casefold())
    if len(by_stem) == len(images):
        return
    for twins in by_stem.values():
        if len(twins) > 1:
            others = ", ".join(twin.path for twin in twins[1:])
            text = f"shares its name with {others} but for case or suffix"
            yield Problem("duplicate stem", scene, f"{folder}{twins[0].path}", text)


def _group(files: Iterable[Found], key: Callable[[Found], str]) -> dict[str, list[Found]]:
    groups: dict[str, list[Found]] = {}
    for file in files:
        groups.setdefault(key(file), []).append(file)
    return groups


def _preference(ids: Found) -> int:
    suffix = "." + ids.path.rpartition(".")[2].lower()
    return IDS_SUFFIXES.index(suffix) if suffix in IDS_SUFFIXES else len(IDS_SUFFIXES)
