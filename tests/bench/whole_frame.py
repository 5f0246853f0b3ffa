"""Time of a whole frame with AutoRefiner and with sam2: seconds, their ratio, and stages.

    python -m tests.bench.whole_frame --model demo --size 640x480 --frames 3

The baseline is sam2's `SAM2AutomaticMaskGenerator` (32 points a side, predicted IoU 0.7,
stability 0.5, NMS 0.7, regions of 100 pixels) and the plain matcher of `reference.py`. Both run in
turn in this process, on the same frames and with the same weights. The figures are processor time
on one thread, which other load affects less than wall time.

`--model sam2.1_hiera_tiny --random` takes random weights, scaled so that ratings and stabilities
cover [0, 1]: the masks are noise, but take the time of a trained model's.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch

from pipeline.clock import StageClock
from pipeline.config import Config, load_config
from pipeline.demo.coarse import coarsen
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.refinement import refine_proposals
from pipeline.sam import SAM2, load_model
from pipeline.sam.architecture import build_architecture
from pipeline.sam.registry import KNOWN
from tests.bench.reference import refine_plainly
from training.stock_sam2 import mask_generator

MODES = ("guided", "grid")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--checkpoint", type=Path, help="other weights for this architecture")
    parser.add_argument("--random", action="store_true", help="random weights")
    parser.add_argument("--size", default="640x480", help="WIDTHxHEIGHT")
    parser.add_argument("--frames", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = options.checkpoint
        if options.random:
            checkpoint = random_weights(options.model, Path(folder) / "random.pt")
        config = load_config(
            {"model": {"name": options.model, "checkpoint": checkpoint, "device": "cpu"}}
        )
        load_model(config)
    width, height = map(int, options.size.split("x"))
    rows = [measure(config, *frame(seed, (width, height))) for seed in range(options.frames)]
    report(options, rows)


def random_weights(name: str, path: Path) -> Path:
    """Save spread random weights of a known architecture."""
    torch.manual_seed(0)
    model = build_architecture(KNOWN[name].architecture)
    torch.nn.init.normal_(model.sam_mask_decoder.iou_prediction_head.layers[-1].weight, std=0.3)
    for network in model.sam_mask_decoder.output_hypernetworks_mlps:
        network.layers[-1].weight.data *= 40
    torch.save({"model": model.state_dict()}, path)
    return path


def frame(seed: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the image and the coarse ids of a demo scene."""
    room = make_room(seed)
    shot = take(room, camera_path(room, 1, size)[0])
    return shot.image, coarsen(shot.ids, seed)


def measure(config: Config, image: np.ndarray, coarse: np.ndarray) -> dict[str, float]:
    """Return the processor seconds of both methods, and of our stages, on one frame."""
    seconds: dict[str, float] = {}
    for mode in MODES:
        settings = load_config(config, [f"proposals.mode={mode}"])
        proposer, clock = SAM2.make(settings), StageClock()
        proposer.propose([image[:64, :64]], [coarse[:64, :64]], StageClock())
        start = time.process_time()
        [proposals] = proposer.propose([image], [coarse], clock)
        middle = time.process_time()
        refine_proposals(coarse, proposals, settings.refinement, clock)
        seconds[mode] = time.process_time() - start
        seconds[f"{mode} refine"] = time.process_time() - middle
        seconds[f"{mode} masks"] = len(proposals.logits)
        wall = sum(clock.seconds.values())
        seconds[f"{mode} model"] = (clock.seconds["encode"] + clock.seconds["decode"]) / wall
    generator = mask_generator(load_model(config), config.proposals)
    start = time.process_time()
    masks = [record["segmentation"] for record in generator.generate(image)]
    middle = time.process_time()
    refine_plainly(coarse, np.array(masks).reshape(-1, *image.shape[:2]))
    seconds["stock"] = time.process_time() - start
    seconds["stock refine"] = time.process_time() - middle
    seconds["stock masks"] = len(masks)
    return seconds


def report(options: argparse.Namespace, rows: list[dict[str, float]]) -> None:
    """Print means over the frames."""
    mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    weights = "random" if options.random else options.checkpoint or "its own"
    print(f"{options.model}, {weights} weights, {options.size}, {len(rows)} frames")
    print("| way | s a frame | of it matching | masks | in the model | times faster |")
    print("| --- | --- | --- | --- | --- | --- |")
    for way in ("stock", *MODES):
        model = f"{mean[f'{way} model']:.0%}" if way in MODES else ""
        print(
            f"| {way} | {mean[way]:.2f} | {mean[f'{way} refine']:.2f} | "
            f"{mean[f'{way} masks']:.0f} | {model} | {mean['stock'] / mean[way]:.1f} |"
        )


if __name__ == "__main__":
    main()
