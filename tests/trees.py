"""A small tree of each named layout, as the tools of its data set write it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

Tree = dict[str, str]
"""Path of the ids by path of the image."""


def _pairs(scenes: str, image: str, ids: str, numbers: range = range(2)) -> Tree:
    return {
        image.format(scene=scene, k=k): ids.format(scene=scene, k=k)
        for scene in scenes.split()
        for k in numbers
    }


_DSLR = "{scene}/dslr/resized_undistorted_images/DSC{k:05d}.JPG"
_IPHONE = "{scene}/iphone/rgb/frame_{k:06d}.jpg"
_PP = "0a5c013435 5942004064"

TREES: dict[str, list[tuple[str, Tree]]] = {
    "scannetpp": [
        (
            "the toolbox's own images and ids",
            _pairs(
                _PP, "undistorted/{scene}/DSC{k:05d}.JPG.jpg", "obj_ids/{scene}/DSC{k:05d}.JPG.pth"
            ),
        ),
        ("DSLR, kind first", _pairs(_PP, _DSLR, "obj_ids/{scene}/DSC{k:05d}.JPG.pth")),
        ("iPhone, kind first", _pairs(_PP, _IPHONE, "obj_ids/{scene}/frame_{k:06d}.jpg.pth")),
        ("DSLR, in the scene", _pairs(_PP, _DSLR, "{scene}/obj_ids/DSC{k:05d}.JPG.pth")),
        (
            "images undistorted anew",
            _pairs(
                _PP,
                "data/{scene}/dslr/undistorted_images/DSC{k:05d}.JPG",
                "data/{scene}/obj_ids/DSC{k:05d}.JPG.pth",
            ),
        ),
        ("as downloaded", _pairs(_PP, f"data/{_DSLR}", "obj_ids/{scene}/DSC{k:05d}.JPG.pth")),
    ],
    "scannet": [
        (
            "exported frames and unpacked ids",
            _pairs(
                "scene0000_00 scene0000_01",
                "{scene}/color/{k}.jpg",
                "{scene}/instance-filt/{k}.png",
                range(8, 12),
            ),
        ),
    ],
    "3rscan": [
        (
            "rendered beside the frames",
            _pairs(
                "4acaebcc-6c10-2a2a-858b-29c7e4fb410d",
                "{scene}/sequence/frame-{k:06d}.color.jpg",
                "{scene}/sequence/frame-{k:06d}.rendered.instances.png",
            ),
        ),
    ],
    "replica": [
        (
            "two sequences of a room",
            {
                image.replace("#", n): ids.replace("#", n)
                for n in "12"
                for image, ids in _pairs(
                    "room_0",
                    "{scene}/Sequence_#/rgb/rgb_{k}.png",
                    "{scene}/Sequence_#/semantic_instance/semantic_instance_{k}.png",
                ).items()
            },
        ),
        (
            "one sequence",
            _pairs(
                "office_0",
                "{scene}/rgb/rgb_{k}.png",
                "{scene}/semantic_instance/semantic_instance_{k}.png",
            ),
        ),
    ],
    "hypersim": [
        (
            "two cameras",
            {
                image.replace("#", n): ids.replace("#", n)
                for n in ("cam_00", "cam_01")
                for image, ids in _pairs(
                    "ai_001_001",
                    "{scene}/images/scene_#_final_preview/frame.{k:04d}.tonemap.jpg",
                    "{scene}/images/scene_#_geometry_hdf5/frame.{k:04d}.semantic_instance.npy",
                ).items()
            },
        ),
    ],
    "insscene": [
        (
            "as published",
            _pairs(
                "00777c41d4",
                "{scene}/images/frame_{k:06d}.jpg",
                "{scene}/refined_ins_ids/frame_{k:06d}.jpg.npy",
            ),
        ),
    ],
    "autorefiner": [
        (
            "two folders",
            _pairs("room", "{scene}/images/{k:06d}.jpg", "{scene}/obj_ids/{k:06d}.jpg.pth"),
        ),
    ],
}

BESIDE = {
    "3rscan": (
        "4acaebcc-6c10-2a2a-858b-29c7e4fb410d/sequence/frame-000000.rendered.color.jpg",
        "4acaebcc-6c10-2a2a-858b-29c7e4fb410d/sequence/frame-000000.rendered.labels.png",
        "4acaebcc-6c10-2a2a-858b-29c7e4fb410d/sequence/frame-000000.pose.txt",
        "4acaebcc-6c10-2a2a-858b-29c7e4fb410d/mesh.refined_0.png",
    ),
    "hypersim": (
        "ai_001_001/images/scene_cam_00_final_preview/frame.0000.color.jpg",
        "ai_001_001/images/scene_cam_00_geometry_preview/frame.0000.semantic_instance.png",
        "ai_001_001/images/scene_cam_00_geometry_hdf5/frame.0000.depth_meters.npy",
    ),
    "scannet": ("scene0000_00/depth/8.png", "scene0000_00/label-filt/8.png"),
}
"""Other files of the layouts that are neither images nor ids."""


def touch(root: Path, *names: str) -> None:
    """Make empty files, with their folders."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def draw(root: Path, tree: Tree) -> None:
    """Write a tree of small images and ids."""
    import torch

    y, x = np.mgrid[:48, :64]
    ids = np.where((x - 20) ** 2 + (y - 24) ** 2 < 15**2, 7, 1).astype(np.int32)
    pixels = np.where(ids[..., None] == 7, (180, 40, 40), (200, 190, 170)).astype(np.uint8)
    for image, of_image in tree.items():
        for path in (root / image, root / of_image):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / image)
        match Path(of_image).suffix:
            case ".pth":
                torch.save(torch.from_numpy(ids), root / of_image)
            case ".npy":
                np.save(root / of_image, ids)
            case _:
                Image.fromarray(ids.astype(np.uint16)).save(root / of_image)
