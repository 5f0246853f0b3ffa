"""What a frame is made from, as a hash: results carry it, and plans compare it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.dataset import digest_file
from pipeline.errors import IdMapError, ImageError


def digest_inputs(image_path: Path, ids_path: Path) -> str:
    """Hash the contents of the files a frame is made from (32 hex digits).

    Raises
    ------
    ImageError, IdMapError
        Either file is none that could be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(digest_file(image_path, ImageError))
    digest.update(digest_file(ids_path, IdMapError))
    return digest.hexdigest()
