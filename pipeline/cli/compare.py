"""`autorefiner compare`: show the differences between two sets of ids."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option("--image", type=click.Path(path_type=Path), help="Draw on this image.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="Write a picture of the pair that differs most here, such as changes.png.",
)
def compare(before: Path, after: Path, image: Path | None, picture: Path | None) -> None:
    """Compare two sets of ids: two id maps, or two folders of maps.

    For coarse and refined ids name scene/obj_ids and scene/obj_ids_refine; for two settings, two
    output roots; for two frames of a scene, their files.
    """
    from pipeline.cli.options import save_picture
    from pipeline.evaluation.compare import compare as compare_sets

    comparison = compare_sets(before, after, image)
    click.echo(comparison.as_text())
    if picture and comparison.picture:
        save_picture(comparison.picture, picture)
