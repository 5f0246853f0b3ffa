"""SAM's answers to clicks on a frame; features are kept for the frames that were clicked last."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.config import Config
from pipeline.recent import Recent
from pipeline.reviewing.areas import Area, Mask

if TYPE_CHECKING:
    from pipeline.sam.clicks import Clicks
    from pipeline.sam.decoder import PromptDecoder

Image = npt.NDArray[np.uint8]
Key = tuple[str, str]
"""Scene and image of a frame."""

KEPT_FRAMES = 4
"""Frames whose features are kept; a large model needs some 30 MB for each."""
KEPT_SQUARES = 12
"""Squares of frames whose features are kept."""
SQUARES = (0.3, 0.175)
"""Sides of the squares around a click that SAM is shown enlarged, in longer sides of the image."""
STEPS = 8
"""Steps along the side of a square: clicks of the same step share the square."""


class Answers:
    """Asks the model of this process; not from several threads at once.

    Parameters
    ----------
    config
        Its section `model` is used. The model is loaded with the first image.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._frames: Recent[Hashable, PromptDecoder] = Recent(KEPT_FRAMES)
        self._squares: Recent[Hashable, PromptDecoder] = Recent(KEPT_SQUARES)

    def prepare(self, key: Key, read_image: Callable[[], Image]) -> PromptDecoder:
        """Return the decoder on a frame's image, which is read if its features are not kept."""
        return self._frames.get(key, lambda: self._encode(read_image()))

    def of_object(self, key: Key, image: Image, clicks: Clicks, drawn: Mask) -> tuple[Mask, float]:
        """Return SAM's mask of a whole object and its rating of it.

        Parameters
        ----------
        key
            The frame.
        image
            (H', W', 3).
        clicks
            At least one click, or a box.
        drawn
            (H, W) the object as it is drawn so far.
        """
        from pipeline.sam.clicks import segment_clicks, upsampled

        decoder = self.prepare(key, lambda: image)
        with self._arithmetic(decoder):
            logits, rating = segment_clicks(decoder, clicks, drawn if drawn.any() else None)
            return upsampled(logits, (drawn.shape[0], drawn.shape[1])), rating

    def of_place(
        self, key: Key, image: Image, x: float, y: float, shape: tuple[int, int]
    ) -> Iterator[Area]:
        """Yield SAM's masks of a single click, of the whole image and of squares around the click.

        Parameters
        ----------
        key
            The frame.
        image
            (H', W', 3).
        x, y
            The click, as shares of width and height.
        shape
            (H, W) of the frame's ids, in whose pixels the areas are.
        """
        whole = slice(0, image.shape[0]), slice(0, image.shape[1])
        yield from self._of_part(self.prepare(key, lambda: image), whole, image, x, y, shape)
        for share in SQUARES:
            box = square_around(x, y, share, (image.shape[0], image.shape[1]))
            edges = tuple((side.start, side.stop) for side in box)
            decoder = self._squares.get((key, edges), partial(self._encode, image[box]))
            yield from self._of_part(decoder, box, image, x, y, shape)

    def _of_part(
        self,
        decoder: PromptDecoder,
        box: tuple[slice, slice],
        image: Image,
        x: float,
        y: float,
        shape: tuple[int, int],
    ) -> Iterator[Area]:
        from pipeline.sam.clicks import segment_place, upsampled

        (top, bottom), (left, right) = (
            (round(side.start * ids / pixels), round(side.stop * ids / pixels))
            for side, ids, pixels in zip(box, shape, image.shape, strict=False)
        )
        inside_x = (x * shape[1] - left) / (right - left)
        inside_y = (y * shape[0] - top) / (bottom - top)
        with self._arithmetic(decoder):
            for logits in segment_place(decoder, inside_x, inside_y):
                yield Area(top, left, upsampled(logits, (bottom - top, right - left)))

    def _encode(self, image: Image) -> PromptDecoder:
        # Torch takes seconds to import; the page is there before.
        from pipeline.sam.decoder import PromptDecoder
        from pipeline.sam.encoder import encode
        from pipeline.sam.model import arithmetic, load_lowered

        model = load_lowered(self._config)
        with arithmetic(self._config.model, model.device):
            [features] = encode(model, [image])
            return PromptDecoder(model, features)

    def _arithmetic(self, decoder: PromptDecoder) -> AbstractContextManager[None]:
        from pipeline.sam.model import arithmetic

        return arithmetic(self._config.model, decoder.device)


def square_around(x: float, y: float, share: float, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return rows and columns of a square around a place, inside an image.

    Parameters
    ----------
    x, y
        The place, as shares of width and height.
    share
        Side of the square, in longer sides of the image; a narrower image cuts it.
    shape
        (H, W) of the image.
    """
    side = max(STEPS, round(share * max(shape)))
    step = side // STEPS

    def along(centre: float, length: int) -> slice:
        start = round((centre * length - side / 2) / step) * step
        start = min(max(0, start), max(0, length - side))
        return slice(start, start + min(side, length))

    return along(y, shape[0]), along(x, shape[1])
