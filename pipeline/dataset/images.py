"""Reading images: JPEG and PNG, whatever their colour mode, to 8-bit RGB.

The rules, for all frames alike:

- What a file is, its content says, not its name; only the JPEG and PNG decoders are within reach.
- Grey becomes three equal channels, a palette its colours, CMYK the RGB that Pillow makes of it;
  alpha is dropped; of 16-bit values the upper 8 bits stay.
- An EXIF orientation other than upright is refused. Some programs turn such an image, others take
  its pixels as they are stored; the files do not tell on which of the two grids the ids were
  made, and on the wrong one their refinement is nonsense.
- The size is checked in the header, before anything is decoded.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from pipeline.dataset.files import MAX_PIXELS, guess_format, read_whole
from pipeline.errors import ImageError

EXPECTED = "a JPEG or PNG image"

MAX_JPEG_SCANS = 100
"""A progressive JPEG may ask for any number of passes over all pixels; libjpeg writes ten."""

_TURNED = range(2, 9)
"""EXIF orientations that turn or mirror the image; 1 is upright, anything else is undefined."""

_DECODERS = {b"\xff\xd8\xff": JpegImageFile, b"\x89PNG\r\n\x1a\n": PngImageFile}

# Pillow warns about broken metadata, which is no concern of ours, on the terminal of the run.
warnings.filterwarnings("ignore", module=r"PIL\.(Jpeg|Png|Tiff)ImagePlugin")


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Read an image.

    Parameters
    ----------
    path
        A JPEG or PNG file.

    Returns
    -------
    ndarray
        (H, W, 3) uint8, RGB.

    Raises
    ------
    ImageError
        The file is no whole JPEG or PNG image, is larger than `MAX_PIXELS`, or carries an EXIF
        orientation.
    """
    content = read_whole(path, ImageError)
    try:
        with _open(path, content) as image:
            _check_header(path, image)
            return _to_rgb(image)
    except ImageError:
        raise
    except Exception as failure:
        # Pillow's decoders answer broken files with a dozen exception types.
        raise ImageError(
            path, f"a damaged image ({failure})", EXPECTED, "Was it copied completely?"
        ) from None


def _open(path: Path, content: bytes) -> ImageFile:
    # The decoder classes, not Image.open: that one would also try every other format it knows.
    for magic, decoder in _DECODERS.items():
        if content.startswith(magic):
            if decoder is JpegImageFile and content.count(b"\xff\xda") > MAX_JPEG_SCANS:
                raise ImageError(path, "a JPEG of very many scans", EXPECTED, "Save it again.")
            return decoder(io.BytesIO(content))
    found = guess_format(content) or "no image"
    raise ImageError(path, found, EXPECTED, "Convert it, or take it out of the folder.")


def _check_header(path: Path, image: Image.Image) -> None:
    width, height = image.size
    if not 0 < width * height <= MAX_PIXELS:
        raise ImageError(
            path, f"{width} x {height} pixels", f"at most {MAX_PIXELS} pixels", "Scale it down."
        )
    orientation = _read_orientation(image)
    if orientation in _TURNED:
        raise ImageError(
            path,
            f"EXIF orientation {orientation}",
            "an image whose stored pixels are upright",
            "If the ids fit the image as viewers show it, turn its pixels (mogrify -auto-orient); "
            "if they fit the stored pixels, remove the tag (exiftool -Orientation=).",
        )


def _read_orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:
        # Broken metadata is common, and says nothing about the pixels.
        return None


def _to_rgb(image: Image.Image) -> npt.NDArray[np.uint8]:
    if image.mode.startswith("I"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    if image.mode == "P":
        image = image.convert("RGBA")  # Pillow warns where a palette with alpha loses it at once.
    return np.array(image.convert("RGB"))
