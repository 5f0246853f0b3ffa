from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from pipeline.drawing.pictures import data_uri, shrink


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
