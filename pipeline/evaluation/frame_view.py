"""One frame in detail: every proposal, every decision, and a figure of both."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from PIL import Image
from torch import Tensor

from pipeline.clock import StageClock
from pipeline.config import Config, ConfigLike, load_config
from pipeline.dataset import numbers_with, read_pair
from pipeline.dataset.single_image import find_home, find_ids
from pipeline.drawing.overlay import (
    draw_ids,
    overlay,
    paint_decisions,
    side_by_side,
    stacked,
)
from pipeline.drawing.pictures import data_uri, shrink
from pipeline.errors import ImageError
from pipeline.records import STAGES, How, ObjectRecord, Refinement
from pipeline.refinement import (
    MaskDecision,
    ObjectDecision,
    check_ids,
    explain,
    refine_and_tell,
)
from pipeline.sam import SAM2, Proposer, ProposerFactory
from pipeline.tables import Row, Table
from pipeline.text import printable

SMALLEST_NUMBERED = 0.001
"""Smallest area of an object with a number in the picture, as a share of the picture."""
NOTEBOOK_WIDTH = 1300
HOW_SHOWN = {
    How.DIRECT: "direct",
    How.LOW_CONFIDENCE: "low conf.",
    How.MERGED: "merged",
    How.FALLBACK: "coarse",
}


@dataclass(frozen=True, slots=True, eq=False)
class FrameView:
    """The refinement of one frame: printed a table of its objects, in a notebook a figure."""

    name: str
    image: npt.NDArray[np.uint8]
    """(H, W, 3)."""
    coarse_ids: npt.NDArray[np.uint16]
    """(h, w)."""
    refinement: Refinement
    objects: tuple[ObjectDecision, ...]
    """One decision for each coarse id, by id."""
    masks: tuple[MaskDecision, ...]
    """One decision for each proposal, in SAM's order."""
    by_masks: npt.NDArray[np.uint16]
    """(h, w) ids composed of masks, before the image's borders were taken into account."""
    mask_numbers: npt.NDArray[np.int64]
    """(h, w) 1 + the number of the smallest mask at each pixel; 0 without a mask."""
    seconds: dict[str, float]
    """Time by stage."""

    def figure(self) -> Image.Image:
        """Draw image, coarse ids, proposals, refined ids with how each was found, and decisions."""
        ids = self.refinement.ids
        least = int(SMALLEST_NUMBERED * ids.size)
        notes = {o.record.id: HOW_SHOWN[o.record.how] for o in self.objects}
        used = sum(bool(mask.serves) for mask in self.masks)
        proposals = overlay(self.image, self.mask_numbers)
        strips = (
            side_by_side(
                [
                    self.image,
                    draw_ids(overlay(self.image, self.coarse_ids), self.coarse_ids, min_area=least),
                ],
                ["image", f"coarse: {len(self.objects)} ids"],
            ),
            side_by_side(
                [proposals, overlay(self.image, self.by_masks)],
                [f"proposals: {len(self.masks)}, {used} used", "what the masks give"],
            ),
            side_by_side(
                [
                    paint_decisions(self.image, self.coarse_ids, self.by_masks, ids),
                    draw_ids(overlay(self.image, ids), ids, min_area=least, notes=notes),
                ],
                [
                    "the image: green bore out, red refused, blue placed",
                    "refined, and how it was found",
                ],
            ),
        )
        return stacked(strips)

    def object_table(self) -> Table:
        """Return a table of the objects: matched masks, scores, and the reason of the outcome."""
        header = "id,how,masks,IoU,cover,agree,trust,coarse px,refined px,image,moved,why"
        rows: list[Row] = [
            (
                str(o.record.id),
                o.record.how,
                ", ".join(map(str, o.masks)) or "-",
                f"{o.iou:.2f}",
                f"{o.record.coverage:.2f}",
                f"{o.agreement:.2f}",
                f"{o.trust:.2f}",
                str(o.record.coarse_area),
                str(o.record.area),
                _support(o.record),
                f"{o.record.moved:.1%}",
                o.why,
            )
            for o in self.objects
        ]
        return Table(tuple(header.split(",")), rows, words=frozenset({1, 2, 11}))

    def mask_table(self) -> Table:
        """Return a table of the proposals: prompt, scores, and the decision on each."""
        header = "mask,asked for,SAM's IoU,stable,px,like,IoU,pure,what became of it"
        rows: list[Row] = [
            (
                str(m.number),
                str(m.prompt_id) if m.prompt_id else "grid",
                f"{m.predicted_iou:.2f}",
                f"{m.stability:.2f}",
                str(m.area),
                str(m.like),
                f"{m.iou:.2f}",
                f"{m.purity:.2f}",
                m.why,
            )
            for m in self.masks
        ]
        return Table(tuple(header.split(",")), rows, words=frozenset({1, 8}))

    def headline(self) -> str:
        """Return a few lines with the frame's figures and the time by stage."""
        stats = self.refinement.stats
        height, width = self.refinement.ids.shape
        shares = {
            "changed": stats["changed_ratio"],
            "invalid": stats["invalid_ratio"],
            "agreement": stats["agreement"],
            "lost area": stats["lost_ratio"],
        }
        if "refused_ratio" in stats:
            shares["refused by the image"] = stats["refused_ratio"]
        times = (f"{stage} {self.seconds[stage]:.3f}" for stage in STAGES if stage in self.seconds)
        return (
            f"{printable(self.name)}: {width} x {height}, {len(self.objects)} ids, "
            f"{len(self.masks)} masks proposed\n"
            + ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())
            + f"\nseconds: {', '.join(times)}"
        )

    def as_text(self) -> str:
        """Return the headline and the table of objects for a terminal."""
        return f"{self.headline()}\n\n{self.object_table().as_text()}"

    def __str__(self) -> str:
        return self.as_text()

    def _repr_html_(self) -> str:
        picture = shrink(np.asarray(self.figure()), NOTEBOOK_WIDTH)
        head = html.escape(self.headline()).replace("\n", "<br>")
        return (
            f'<div><p>{head}</p><img alt="image, coarse, proposals, refined" '
            f'src="{data_uri(picture)}">{self.object_table().as_html()}</div>'
        )


def inspect_frame(
    image: str | os.PathLike[str],
    ids: str | os.PathLike[str] | None = None,
    config: ConfigLike = None,
    proposers: ProposerFactory = SAM2,
) -> FrameView:
    """Refine one frame; return it with all decisions on the way. Nothing is written.

    Parameters
    ----------
    image
        A JPEG or PNG file.
    ids
        Its coarse id map. None finds it as a run with these settings would: by default, the image
        lies in a scene's `images/`, and the ids in `obj_ids/` beside that.
    config
        A `Config`, a mapping, the path of a YAML file, or None for the defaults.
    proposers
        Makes the proposer of masks.

    Raises
    ------
    FrameError
        Image or ids cannot be read.
    DatasetError
        No ids are given, and none are found.
    ConfigError, ModelError
        A setting is wrong, or the model cannot be loaded.
    """
    settings = load_config(config)
    image_path = Path(image)
    if not image_path.is_file():
        raise ImageError(image_path, "no such file", "a JPEG or PNG image")
    clock = StageClock()
    with clock("read"):
        ids_path = Path(ids) if ids else find_ids(image_path, settings)
        numbers = numbers_with([ids_path], *find_home(image_path, settings))
        pixels, coarse = read_pair(image_path, ids_path, settings.data, numbers)
    proposer = proposers.make(settings)
    return _inspect(str(image_path), pixels, check_ids(coarse), proposer, settings, clock)


def _inspect(
    name: str,
    image: npt.NDArray[np.uint8],
    coarse: npt.NDArray[np.uint16],
    proposer: Proposer,
    config: Config,
    clock: StageClock,
) -> FrameView:
    [proposals] = proposer.propose([image], [coarse], clock)
    refinement, decisions = refine_and_tell(coarse, proposals, config.refinement, clock, image)
    objects, masks = explain(decisions, refinement, proposals, config.refinement)
    numbers = _paint(proposals.logits, coarse.shape)
    return FrameView(
        name,
        image,
        coarse,
        refinement,
        objects,
        masks,
        decisions.by_masks,
        numbers,
        dict(clock.seconds),
    )


def _support(record: ObjectRecord) -> str:
    if record.support_coarse is None or record.support_refined is None:
        return "-"
    return f"{record.support_coarse:.2f} -> {record.support_refined:.2f}"


def _paint(logits: Tensor, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return, for each pixel, 1 + the number of the smallest mask of logits (N, h, w), or 0."""
    numbers: npt.NDArray[Any] = np.zeros(shape, dtype=np.int64)
    areas = (logits > 0).flatten(1).sum(1)
    for n in areas.argsort(descending=True).tolist():
        # Masks are scaled up one at a time, since hundreds at full size would not fit in memory.
        full = F.interpolate(logits[n][None, None].float(), shape, mode="bilinear")
        numbers[(full[0, 0] > 0).cpu().numpy()] = n + 1
    return numbers
