"""CVAT for images 1.1: one XML for each scene, with a mask for each object of each frame.

CVAT has no tracks of masks, so the object's id is an attribute of its mask, `object_id`, which
annotators can set; the mask's group has it, too.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from pipeline.exchange.formats import Context, Format, Joined, Piece, Section
from pipeline.exchange.objects import CutOut, cut_out
from pipeline.exchange.places import Place
from pipeline.exchange.runs import row_counts

LABEL = "object"
ID_ATTRIBUTE = "object_id"

_OPENING = f"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
<version>1.1</version>
<meta><task><labels><label><name>{LABEL}</name><type>mask</type><attributes><attribute>
<name>{ID_ATTRIBUTE}</name><mutable>False</mutable><input_type>number</input_type>
<default_value>0</default_value><values>0
65535
1</values></attribute></attributes></label></labels></task></meta>
"""


def _encode(place: Place, ids: npt.NDArray[np.int32], _context: Context) -> Piece:
    masks = [_mask(found) for found in cut_out(ids)]
    height, width = ids.shape
    image = (
        f'<image id="{place.number}" name={quoteattr(place.image_file)} '
        f'width="{width}" height="{height}">{"".join(masks)}</image>'
    )
    return Piece(lines={"images": [image]}, n_objects=len(masks))


def _mask(found: CutOut) -> str:
    height, width = found.mask.shape
    runs = ", ".join(map(str, row_counts(found.mask).tolist()))
    return (
        f'<mask label="{LABEL}" source="file" occluded="0" rle="{runs}" left="{found.left}" '
        f'top="{found.top}" width="{width}" height="{height}" z_order="0" group_id="{found.id}">'
        f'<attribute name="{ID_ATTRIBUTE}">{found.id}</attribute></mask>'
    )


CVAT = Format(
    name="cvat",
    version=1,
    encode=_encode,
    owns=("annotations.xml", "annotations"),
    joined=Joined(
        stem="annotations",
        suffix=".xml",
        opening=_OPENING,
        sections=(Section("images", "", "\n", "\n"),),
        closing="</annotations>\n",
        per="scene",
    ),
)
