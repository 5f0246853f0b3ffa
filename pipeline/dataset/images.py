"""Reading images: JPEG and PNG, whatever their colour mode, to 8-bit RGB.

The rules, for all frames alike:

- What a file is, its content says, not its name; only the JPEG and PNG decoders are within reach.
- Grey becomes three equal channels, a palette its colours, CMYK the RGB that Pillow makes of it;
  alpha is dropped; of 16-bit values the upper 8 bits stay.
- An EXIF orientation other than upright is refused. Some programs turn such an image, others take
  its pixels as they are stored; the files do not tell on which of the two grids the ids were
  made, and on the wrong one their refinement is nonsense.
- The size is checked in the header, before anything is decoded.
- A JPEG may lack its end marker, as some cameras and cut transfers leave it, if that is all it
  lacks. One that lacks pixels is refused, though a decoder would fill them with grey.
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

from pipeline.dataset.files import MAX_PIXELS, read_whole
from pipeline.errors import ImageError
from pipeline.file_kinds import advice_on, guess_format

EXPECTED = "a JPEG or PNG image"

MAX_JPEG_SCANS = 100
"""A progressive JPEG may ask for any number of passes over all pixels; libjpeg writes ten."""

_TURNED = range(2, 9)
"""EXIF orientations that turn or mirror the image; 1 is upright, anything else is undefined."""

_DECODERS = {b"\xff\xd8\xff": JpegImageFile, b"\x89PNG\r\n\x1a\n": PngImageFile}

_SCAN_START, _END = b"\xff\xda", b"\xff\xd9"
_FILLS = (b"", *(bytes(step * i % 251 for i in range(1, 251)) for step in (1, 37, 97, 193, 250)))
"""What is put in the place of pixels that may be missing: bits that decode to other pixels each."""

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
            if _lacks_end_marker(content, image):
                return _decode_without_end(content)
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
    advice = advice_on(found) or "Convert it, or take it out of the folder."
    raise ImageError(path, found, EXPECTED, advice)


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


def _lacks_end_marker(content: bytes, image: ImageFile) -> bool:
    """Tell whether a JPEG of one scan, which holds all its pixels, has no end marker.

    Of a JPEG of several scans nobody can tell whether the last one is there.
    """
    start = content.rfind(_SCAN_START)
    if not isinstance(image, JpegImageFile) or start < 0 or _END in content[start:]:
        return False
    components = content[start + 4 : start + 5]
    return components == bytes([image.layers]) and "progressive" not in image.info


def _decode_without_end(content: bytes) -> npt.NDArray[np.uint8]:
    """Decode a JPEG without end marker, and see that no pixel is missing before it.

    Bytes behind the last pixel change nothing. Where pixels are missing, the decoder takes these
    bytes for them, and other bytes make other pixels.
    """
    first: npt.NDArray[np.uint8] | None = None
    for fill in _FILLS:
        # A lone last 0xff is half of the marker.
        with JpegImageFile(io.BytesIO(content.removesuffix(b"\xff") + fill + _END)) as image:
            decoded = _to_rgb(image)
        if first is None:
            first = decoded
        elif not np.array_equal(first, decoded):
            raise ValueError("pixels are missing at its end")
    assert first is not None  # noqa: S101 - there are fills
    return first


def _to_rgb(image: Image.Image) -> npt.NDArray[np.uint8]:
    if image.mode.startswith("I"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    if image.mode == "P":
        image = image.convert("RGBA")  # Pillow warns where a palette with alpha loses it at once.
    return np.array(image.convert("RGB"))
