from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.refinement.borders.claimed import Claimed
from pipeline.refinement.borders.contest import compare
from pipeline.refinement.borders.evidence import EVIDENCE, frame_evidence, gather
from pipeline.refinement.borders.outlines import labels_of, outline
from pipeline.refinement.borders.view import view_of

NO_MASKS = Claimed(
    torch.zeros(0, dtype=torch.int64),
    torch.zeros(0, 1, 1),
    torch.zeros(0),
    torch.zeros(65536, dtype=torch.float64),
    1.0,
)


def picture() -> tuple[np.ndarray, np.ndarray]:
    """Draw a red thing before a blue wall; return the image and its true ids."""
    truth = np.full((60, 80), 2, dtype=np.uint16)
    truth[20:45, 25:60] = 9
    image = np.where((truth == 9)[..., None], (200, 40, 40), (40, 60, 190)).astype(np.uint8)
    return image, truth


def gathered(first: np.ndarray, second: np.ndarray, image: np.ndarray) -> list[dict[str, float]]:
    view = view_of(image, first.shape, 4.0)
    outlines = outline(labels_of(first), view), outline(labels_of(second), view)
    frame = frame_evidence(*outlines)
    contest = compare(outlines[0].ids, outlines[1].ids)
    rows = gather(contest, outlines, view, NO_MASKS, frame)
    return [dict(zip(EVIDENCE, row, strict=True)) for row in rows.tolist()]


def test_colours_and_steps_speak_for_the_map_that_is_right() -> None:
    image, truth = picture()
    cut = truth.copy()
    cut[20:45, 50:60] = 2  # ten columns of the thing given to the wall
    [for_truth] = gathered(truth, cut, image)
    [against] = gathered(cut, truth, image)
    assert for_truth["likeness"] > 3.0
    assert against["likeness"] == pytest.approx(-for_truth["likeness"])
    assert for_truth["votes"] == pytest.approx(-against["votes"])
    assert for_truth["votes"] > 0.7
    assert for_truth["step_first"] > for_truth["step_second"] + 1
    assert for_truth["peak_first"] > 0.9 > for_truth["peak_second"]
    assert against["peak_second"] > 0.9 > against["peak_first"]
    assert for_truth["map_peak_first"] > for_truth["map_peak_second"]
    assert for_truth["near_first"] > 0.7
    assert for_truth["near_second"] == 1.0


def test_a_flat_image_takes_no_side() -> None:
    _, truth = picture()
    cut = truth.copy()
    cut[20:45, 50:60] = 2
    flat = np.full((*truth.shape, 3), 77, dtype=np.uint8)
    [said] = gathered(truth, cut, flat)
    for name in ("likeness", "votes", "step_first", "step_second", "peak_first", "peak_second"):
        assert said[name] == pytest.approx(0.0, abs=1e-4)


def test_an_island_is_compared_with_its_label_elsewhere() -> None:
    image, truth = picture()
    island = truth.copy()
    island[:, 76:] = 9  # far from the thing whose id it has
    [said] = gathered(truth, island, image)
    assert said["near_second"] == 0.0
    assert said["likeness"] == pytest.approx(4.0)


def test_measures_sizes_in_cells() -> None:
    image, truth = picture()
    cut = truth.copy()
    cut[20:45, 50:60] = 2
    [said] = gathered(truth, cut, image)
    assert said["size"] == pytest.approx(np.log(250 / 16))
    assert said["size_first"] == pytest.approx(np.log(25 * 35 / 16))
    assert said["part_first"] == pytest.approx(250 / (25 * 35))
    assert said["blank_first"] == said["blank_second"] == 0.0
    assert said["masks_first"] == said["depth_first"] == 0.0


def test_nothing_depends_on_which_numbers_ids_are() -> None:
    image, truth = picture()
    cut = truth.copy()
    cut[20:45, 50:60] = 2
    renamed = np.zeros(65536, np.uint16)
    renamed[[2, 9]] = 65535, 4
    [said], [again] = gathered(truth, cut, image), gathered(renamed[truth], renamed[cut], image)
    assert said == pytest.approx(again)
