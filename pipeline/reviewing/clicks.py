"""Clicks on open frames: the model of this process, and the features of the last few frames."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.config import Config

if TYPE_CHECKING:
    from pipeline.sam.clicks import Clicks
    from pipeline.sam.decoder import PromptDecoder

Mask = npt.NDArray[np.bool_]
Key = tuple[str, str]

KEPT_FRAMES = 4
"""Frames whose features are kept; a large model needs some 30 MB for each."""
LEAST_SHARE = 0.02
"""Smallest part of a mask that is kept inside a box, as a share of the largest part."""


class Clicker:
    """Turns clicks into masks; calls from several threads wait for one another.

    Parameters
    ----------
    config
        Its section `model` is used. The model is loaded with the first frame.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._decoders: OrderedDict[Key, PromptDecoder] = OrderedDict()
        self._working = threading.Lock()

    def prepare(self, key: Key, read_image: Callable[[], npt.NDArray[np.uint8]]) -> None:
        """Encode a frame's image, unless its features are kept from before.

        Raises
        ------
        ModelError
            The model cannot be loaded.
        FrameError
            The image cannot be read.
        """
        with self._working:
            self._decoder(key, read_image)

    def ask(
        self,
        key: Key,
        read_image: Callable[[], npt.NDArray[np.uint8]],
        clicks: Clicks,
        drawn: Mask | None,
        shape: tuple[int, int],
    ) -> tuple[Mask, float]:
        """Return the mask that clicks on a frame mean, (H, W) of `shape`, and SAM's rating of it.

        Parameters
        ----------
        key
            Scene and image of the frame.
        read_image
            Reads the image; called if its features are not kept.
        clicks, drawn
            As for `sam.clicks.segment_clicks`.
        shape
            (H, W) of the frame's ids.

        Raises
        ------
        ModelError, FrameError
            As `prepare`.
        """
        from pipeline.sam.clicks import segment_clicks, upsampled
        from pipeline.sam.model import arithmetic

        with self._working:
            decoder = self._decoder(key, read_image)
            with arithmetic(self._config.model, decoder.device):
                logits, rating = segment_clicks(decoder, clicks, drawn)
                mask = upsampled(logits, shape)
        height, width = shape
        inside = [
            (min(int(y * height), height - 1), min(int(x * width), width - 1))
            for (x, y), is_inside in zip(clicks.points, clicks.inside, strict=True)
            if is_inside
        ]
        return without_strays(mask, inside, drawn, clicks.box is not None), rating

    def _decoder(self, key: Key, read_image: Callable[[], npt.NDArray[np.uint8]]) -> PromptDecoder:
        if key not in self._decoders:
            from pipeline.sam.decoder import PromptDecoder
            from pipeline.sam.encoder import encode
            from pipeline.sam.model import arithmetic, load_model

            model = load_model(self._config)
            with arithmetic(self._config.model, model.device):
                [features] = encode(model, [read_image()])
                self._decoders[key] = PromptDecoder(model, features)
            while len(self._decoders) > KEPT_FRAMES:
                self._decoders.popitem(last=False)
        self._decoders.move_to_end(key)
        return self._decoders[key]


def without_strays(
    mask: Mask, clicked: list[tuple[int, int]], drawn: Mask | None, has_box: bool
) -> Mask:
    """Remove the parts of a mask that nobody pointed at.

    A part is kept if a click lies in it, if most of it belongs to the object as it is drawn, or if
    there is a box and the part is no speck. The largest part is kept where no other would be.

    Parameters
    ----------
    mask
        (H, W).
    clicked
        (row, column) of the clicks inside the object.
    drawn
        (H, W) the object as it is drawn so far, or None.
    has_box
        Whether the mask was asked for with a box.
    """
    parts, n_parts = ndimage.label(mask)
    if n_parts < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    kept = np.zeros(n_parts + 1, np.bool_)
    kept[[parts[place] for place in clicked]] = True
    if drawn is not None:
        kept |= 2 * np.bincount(parts[drawn], minlength=n_parts + 1) > sizes
    if has_box:
        kept |= sizes >= LEAST_SHARE * sizes.max()
    kept[0] = False
    if not kept.any():
        kept[sizes.argmax()] = True
    cleaned: Mask = kept[parts]
    return cleaned
