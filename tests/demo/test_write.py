import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.config import DataConfig
from pipeline.dataset import discover, read_ids
from pipeline.demo.write import write_demo_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    write_demo_dataset(root, 2, 3, (96, 72), seed=4, severity=1.0)
    return root


def test_the_data_set_is_one_that_a_run_accepts(data):
    inventory = discover(data, DataConfig())
    assert [frame.scene for frame in inventory.frames] == ["scene_0000"] * 3 + ["scene_0001"] * 3
    assert inventory.problems == []


def test_image_coarse_ids_and_truth_belong_together(data):
    for image in data.glob("*/images/*.jpg"):
        scene = image.parents[1]
        truth = read_ids(scene / "gt_ids" / f"{image.name}.png")
        coarse = read_ids(scene / "obj_ids" / f"{image.name}.pth")
        assert Image.open(image).size == (96, 72)
        assert truth.shape == coarse.shape == (72, 96)
        assert set(np.unique(coarse)) <= {0, *np.unique(truth)}
        assert (coarse == truth).mean() > 0.5


def test_both_containers_of_the_world_occur(data):
    kinds = {
        type(torch.load(path, weights_only=False)) for path in data.glob("scene_0000/obj_ids/*.pth")
    }
    assert kinds == {torch.Tensor, np.ndarray}


def test_the_same_arguments_give_the_same_files(data, tmp_path):
    write_demo_dataset(tmp_path, 1, 2, (96, 72), seed=4, severity=1.0)
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        if "frame_000000" in path.name:
            assert path.read_bytes() == (data / path.relative_to(tmp_path)).read_bytes()
