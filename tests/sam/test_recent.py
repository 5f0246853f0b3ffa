from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from sam2.modeling.sam2_base import SAM2Base

from pipeline.sam.encoder import encode
from pipeline.sam.recent import RecentFeatures


@torch.inference_mode()
def test_an_image_is_encoded_again_only_if_it_was_not_used_lately(
    model: SAM2Base, picture: npt.NDArray[np.uint8]
) -> None:
    recent, read = RecentFeatures(model, 2), []

    def features(name: str) -> torch.Tensor:
        def image() -> npt.NDArray[np.uint8]:
            read.append(name)
            return np.roll(picture, ord(name), axis=1)

        return recent.of(name, image).embedding

    first = features("a")
    for name in "babcb":
        features(name)
    assert "".join(read) == "abc"
    features("a")
    assert "".join(read) == "abca"
    [expected] = encode(model, [np.roll(picture, ord("a"), axis=1)])
    assert torch.equal(features("a"), expected.embedding)
    assert torch.equal(first, expected.embedding)
