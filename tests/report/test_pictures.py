from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from pipeline.report.pictures import data_uri, object_changes, shrink


def test_every_object_of_either_map_is_compared() -> None:
    before, after = np.zeros((10, 10), np.uint16), np.zeros((10, 10), np.uint16)
    before[:5], before[5:] = 3, 65535
    after[:4], after[8:] = 3, 9
    changes = {change.id: change for change in object_changes(before, after)}
    assert sorted(changes) == [3, 9, 65535]
    assert (changes[3].before, changes[3].after, changes[3].iou) == (50, 40, 0.8)
    assert (changes[9].before, changes[9].after, changes[9].iou) == (0, 20, 0.0)
    assert (changes[65535].before, changes[65535].after) == (50, 0)
    assert object_changes(np.zeros((2, 2), int), np.zeros((2, 2), int)) == ()


def test_a_picture_travels_inside_its_address() -> None:
    picture = np.full((40, 60, 3), (10, 120, 200), np.uint8)
    kind, _, code = data_uri(picture).partition(",")
    assert kind == "data:image/webp;base64"
    found = Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB")
    assert found.size == (60, 40)
    np.testing.assert_allclose(np.asarray(found), picture, atol=6)


def test_pictures_are_shrunk_but_never_enlarged() -> None:
    picture = np.zeros((300, 400, 3), np.uint8)
    assert shrink(picture, 100).shape == (75, 100, 3)
    assert shrink(picture, 1000) is picture
