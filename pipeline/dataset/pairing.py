"""Which id map belongs to which image, by their names alone.

The ids of `frame.jpg` are the first there is of `frame.jpg.pth`, `frame.jpg.npy` and so on through
the suffixes of `formats`, then of `frame.pth`, `frame.npy` and so on. Those without the image's own
suffix must fit no other image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from pipeline.config import DataConfig
from pipeline.dataset.formats import IDS_SUFFIXES
from pipeline.dataset.problems import Problem
from pipeline.records import FrameRef

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def pair(
    scene: str, images: list[str], ids: list[str], data: DataConfig, problems: list[Problem]
) -> Iterator[FrameRef]:
    """Yield a frame for every image that has ids; add what is left over to `problems`.

    Parameters
    ----------
    scene
        Name of the scene.
    images, ids
        File names in its two input folders, with the suffixes above in either case.
    """
    problems += _find_twins(scene, data.images_dir, images)
    by_key = _group(sorted(ids, key=_preference), key=_without_suffix)
    stems = Counter(map(_without_suffix, images))
    names = set(images)
    for image in images:
        stem = _without_suffix(image)
        candidates = by_key.pop(image, [])
        if stems[stem] == 1 and stem not in names:
            candidates = candidates + by_key.pop(stem, [])
        if not candidates:
            path = f"{scene}/{data.images_dir}/{image}"
            if stem in by_key and stem not in names:
                loose = by_key[stem][0]
                text = f"{loose} fits other images too; name it {image}{_suffix(loose)}; left out"
                problems.append(Problem("ambiguous ids", scene, path, text))
            else:
                text = f"has no id map such as {data.ids_dir}/{image}.pth; left out"
                problems.append(Problem("image without ids", scene, path, text))
            continue
        if len(candidates) > 1:
            path = f"{scene}/{data.ids_dir}/{candidates[0]}"
            text = f"taken as the ids of {image}; left out: {', '.join(candidates[1:])}"
            problems.append(Problem("several ids", scene, path, text))
        yield FrameRef(scene, image, candidates[0])
    for leftover in chain.from_iterable(by_key.values()):
        path = f"{scene}/{data.ids_dir}/{leftover}"
        text = f"belongs to no image of {data.images_dir}/ alone; left out"
        problems.append(Problem("ids without image", scene, path, text))


def _find_twins(scene: str, folder: str, images: list[str]) -> Iterator[Problem]:
    by_stem = _group(images, key=lambda name: _without_suffix(name).casefold())
    if len(by_stem) == len(images):
        return
    for twins in by_stem.values():
        if len(twins) > 1:
            text = f"shares its name with {', '.join(twins[1:])} but for case or suffix"
            yield Problem("duplicate stem", scene, f"{scene}/{folder}/{twins[0]}", text)


def _group(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(name)
    return groups


def _without_suffix(name: str) -> str:
    return name.rpartition(".")[0]


def _preference(name: str) -> int:
    return IDS_SUFFIXES.index(_suffix(name).lower())


def _suffix(name: str) -> str:
    return name[len(_without_suffix(name)) :]
