"""`autorefiner demo`: make a small data set of procedural rooms."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--scenes", default=3, show_default=True, type=click.IntRange(min=1), help="Scenes to make."
)
@click.option(
    "--frames", default=4, show_default=True, type=click.IntRange(min=1), help="Frames a scene."
)
@click.option(
    "--size",
    default=(640, 480),
    show_default=True,
    type=(click.IntRange(min=32), click.IntRange(min=32)),
    help="Width and height in pixels.",
)
@click.option(
    "--seed",
    default=9,
    show_default=True,
    type=click.IntRange(min=0),
    help="Same seed, same scenes.",
)
@click.option(
    "--severity",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How bad the coarse ids are; 0 is the truth.",
)
@click.option(
    "--faults",
    default="mesh",
    show_default=True,
    type=click.Choice(["mesh", "frame"]),
    help="Of one wrong mesh, the same in all frames of a scene, or of every frame its own.",
)
def demo(
    folder: Path,
    scenes: int,
    frames: int,
    size: tuple[int, int],
    seed: int,
    severity: float,
    faults: Literal["mesh", "frame"],
) -> None:
    """Make a small data set of procedural rooms, with coarse ids and truth, in DIR.

    With the faults of a mesh, its depth and the poses of the cameras are written, too.
    """
    from pipeline.demo.write import write_demo_dataset

    try:
        write_demo_dataset(folder, scenes, frames, size, seed, severity, faults)
    except OSError as error:
        raise click.UsageError(f"{folder}: cannot be written to: {error}") from None
    click.echo(f"{scenes} scene(s) of {frames} frame(s) in {folder}; truth in gt_ids/")
