"""The demo checkpoint works with sam2's own loader, predictor and generator."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from sam2.build_sam import build_sam2
from sam2.sam2_image_predictor import SAM2ImagePredictor

import pipeline.sam.tiny
from pipeline.config import load_config
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.sam import load_model
from pipeline.sam.encoder import encode
from pipeline.sam.memory import Neighbour, segment_remembered

HERE = Path(pipeline.sam.tiny.__file__).parent


@pytest.fixture(scope="module")
def model():
    return build_sam2(f"//{HERE / 'tiny_sam2.yaml'}", str(HERE / "tiny_sam2.pt"), device="cpu")


@pytest.fixture(scope="module")
def frame():
    room = make_room(5_001)
    return take(room, camera_path(room, 1, (320, 240))[0])


def fit(predictor):
    # sam2 writes the sizes of its feature maps for 1024 pixels into the predictor.
    size = predictor.model.image_size
    predictor._bb_feat_sizes = [(size // stride,) * 2 for stride in (4, 8, 16)]
    return predictor


def iou(mask, truth):
    return (mask & truth).sum() / (mask | truth).sum()


def largest(ids, count):
    numbers, areas = np.unique(ids[ids > 0], return_counts=True)
    return [ids == number for number in numbers[np.argsort(-areas)][:count]]


def test_the_checkpoint_is_small():
    assert (HERE / "tiny_sam2.pt").stat().st_size <= 12e6
    assert (HERE / "tiny_memory.safetensors").stat().st_size <= 2e6


def test_a_box_gives_a_mask_of_what_is_in_it(model, frame):
    predictor = fit(SAM2ImagePredictor(model))
    predictor.set_image(frame.image)
    reached = []
    for truth in largest(frame.ids, 8):
        rows, columns = np.nonzero(truth)
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        masks, ratings, low = predictor.predict(box=box, multimask_output=False)
        assert masks.shape == (1, 240, 320)
        assert low.shape == (1, model.image_size // 4, model.image_size // 4)
        assert 0 <= ratings[0] <= 1
        reached.append(iou(masks[0] > 0, truth))
    assert np.mean(reached) > 0.6


def test_half_precision_in_the_file_becomes_single_precision_in_the_model(model):
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.slow
def test_the_generator_of_sam2_finds_most_large_objects(model, frame):
    generator = SAM2AutomaticMaskGenerator(
        model, points_per_side=16, pred_iou_thresh=0.5, stability_score_thresh=0.5
    )
    fit(generator.predictor)
    masks = [found["segmentation"] for found in generator.generate(frame.image)]
    best = [max(iou(mask, truth) for mask in masks) for truth in largest(frame.ids, 8)]
    assert np.mean(best) > 0.6


@torch.inference_mode()
def test_the_memory_leaves_the_rest_of_the_model_as_it_is(model, frame):
    with_memory = load_model({"model": {"name": "demo", "device": "cpu"}})
    own, plain = encode(with_memory, [frame.image])[0], encode(model, [frame.image])[0]
    assert torch.equal(own.embedding, plain.embedding)
    assert torch.equal(own.high_res[0], plain.high_res[0])
    weights = with_memory.state_dict()
    for name, value in model.state_dict().items():
        assert name == "maskmem_tpos_enc" or torch.equal(value, weights[name])


@torch.inference_mode()
def test_the_memory_finds_objects_that_the_coarse_map_lacks():
    room = make_room(5_001)
    shots = [take(room, camera) for camera in camera_path(room, 3, (320, 240))]
    with_memory = load_model({"model": {"name": "demo", "device": "cpu"}})
    own, *near = (encode(with_memory, [shot.image])[0] for shot in shots)
    neighbours = [Neighbour(f, s.ids) for f, s in zip(near, shots[1:], strict=True)]
    numbers, areas = np.unique(shots[0].ids[shots[0].ids > 0], return_counts=True)
    wanted = numbers[np.argsort(-areas)][:6].tolist()
    nothing = np.zeros_like(shots[0].ids)
    found = segment_remembered(
        with_memory, own, nothing, neighbours, wanted, load_config().proposals
    ).proposals
    full = torch.nn.functional.interpolate(found.logits[None], (240, 320), mode="bilinear")[0] > 0
    reached = [
        iou(mask.numpy(), shots[0].ids == i)
        for mask, i in zip(full, found.prompt_ids.tolist(), strict=True)
    ]
    assert np.mean(reached) > 0.6
