"""`autorefiner view`: a scene in rerun or napari."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from pipeline.cli.options import config_options, load_settings_of_run


@click.command()
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@click.option("--scene", help="Name of the scene; default: the first.")
@click.option(
    "--with",
    "viewer",
    type=click.Choice(["rerun", "napari"]),
    help="The viewer; default: the one that is installed.",
)
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    metavar="FILE.rrd",
    help="Write a file for rerun instead of opening a window.",
)
@config_options
def view(
    root: Path,
    scene: str | None,
    viewer: Literal["rerun", "napari"] | None,
    save: Path | None,
    config_file: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Open a scene in rerun or napari: images, coarse and refined ids, frames along a timeline.

    Where the ids lie is set as for `run`; unless told, it is as in the last run.
    """
    settings = load_settings_of_run(root, config_file, overrides)
    from pipeline.text import printable
    from pipeline.viewing.view import view_scene

    problems = view_scene(root, scene, viewer=viewer, save=save, config=settings)
    for problem in problems[:3]:
        click.echo(f"not shown: {printable(problem)}", err=True)
    if problems[3:]:
        click.echo(f"not shown: {len(problems) - 3} more", err=True)
    if save:
        click.echo(f"saved: {save}")
