"""DAVIS and YouTube-VOS: palette PNGs whose indices are the objects of a scene, up to 255."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.exchange.exported_frames import ExportedFrame
from pipeline.exchange.formats.form import Context, Format, Joined, Piece, Section
from pipeline.exchange.masks.objects import present_ids
from pipeline.exchange.masks.png import as_palette_png


def _encode(exported: ExportedFrame, ids: npt.NDArray[np.int32], _context: Context) -> Piece:
    path = f"Annotations/{exported.frame.scene}/{exported.name}.png"
    return Piece(
        files={path: as_palette_png(ids.astype(np.uint8))},
        lines={"scenes": [] if exported.number else [exported.frame.scene]},
        n_objects=present_ids(ids).size,
    )


EXPORT = Format(
    name="davis",
    version=1,
    encode=_encode,
    owns=("Annotations", "scenes.txt", "scenes"),
    joined=Joined(
        stem="scenes",
        suffix=".txt",
        opening="",
        sections=(Section("scenes", "", "\n", "\n"),),
        closing="",
        per="dataset",
    ),
    largest=255,
)
