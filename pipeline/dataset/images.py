"""Reading images: JPEG and PNG of any colour mode, as 8-bit RGB.

The same rules hold for all frames:

- The content of a file decides its format, not its name; only Pillow's JPEG and PNG decoders run.
- Grey becomes three equal channels, a palette its colours, CMYK the RGB that Pillow converts it to;
  alpha is dropped; 16-bit values keep their upper 8 bits.
- An EXIF orientation other than upright is refused. Some programs turn such an image, others take
  its pixels as they are stored. The files do not show on which of the two grids the ids were made,
  and on the wrong one the refined ids are useless.
- The size is checked in the header, before anything is decoded.
- A JPEG may lack its end marker, as some cameras and cut transfers leave it, if all its pixels are
  there. One that lacks pixels is refused, though a decoder would fill them with grey.
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

from pipeline.dataset.files import MAX_PIXELS, count_marks, read_whole
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
"""Bytes put behind a JPEG in place of pixels that may be missing; each decodes differently."""

# Pillow would print warnings about broken metadata, which is not read here, on the terminal.
warnings.filterwarnings("ignore", module=r"PIL\.(Jpeg|Png|Tiff)ImagePlugin")


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Read a JPEG or PNG image as 8-bit RGB.

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
        # Pillow's decoders raise a dozen exception types for broken files.
        raise ImageError(
            path, f"a damaged image ({failure})", EXPECTED, "Was it copied completely?"
        ) from None


def _open(path: Path, content: bytes) -> ImageFile:
    # Image.open would also try the decoders of every other format, hence the decoder classes.
    for magic, decoder in _DECODERS.items():
        if content.startswith(magic):
            if decoder is JpegImageFile and count_marks(content, _SCAN_START) > MAX_JPEG_SCANS:
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
        # Broken metadata is common, and the pixels may still be whole.
        return None


def _lacks_end_marker(content: bytes, image: ImageFile) -> bool:
    """Return whether this is a JPEG of one scan with all components, without an end marker.

    A JPEG of several scans does not qualify: a missing last scan cannot be noticed.
    """
    start = content.rfind(_SCAN_START)
    if not isinstance(image, JpegImageFile) or start < 0 or _END in content[start:]:
        return False
    components = content[start + 4 : start + 5]
    return components == bytes([image.layers]) and "progressive" not in image.info


def _decode_without_end(content: bytes) -> npt.NDArray[np.uint8]:
    """Decode a JPEG without end marker; raise `ValueError` if pixels are missing at its end.

    Bytes appended behind the last pixel change nothing. If pixels are missing, the decoder takes
    the bytes for them, so that different bytes give different pixels.
    """
    first: npt.NDArray[np.uint8] | None = None
    for fill in _FILLS:
        # A lone last 0xff is the first half of the marker.
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
        image = image.convert("RGBA")  # Pillow warns if a palette with alpha becomes RGB directly.
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))
