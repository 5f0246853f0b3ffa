from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.drawing.pictures import data_uri, draw_frame, shrink
from tests.fixing import fix_frame
from tests.refined import refine_by_hand
from tests.scans import blobs, write_scans


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


def test_the_fix_of_a_frame_is_drawn_in_place_of_its_refined_ids(tmp_path: Path) -> None:
    made = refine_by_hand(write_scans(tmp_path, {"a": [blobs(seed=1)]}))
    [frame] = made.frames
    before = draw_frame(made.layout, frame, 100)
    fix_frame(made.layout, frame, np.full((12, 17), 9))
    after = draw_frame(made.layout, frame, 100)
    assert after.coarse == before.coarse
    assert after.refined != before.refined
    assert 9 in {change.id for change in after.objects}
