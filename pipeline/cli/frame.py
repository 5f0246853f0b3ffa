"""`autorefiner frame`: one frame end to end, with every decision."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.options import config_options, load_settings, save_picture


@click.command()
@click.argument("image", metavar="IMAGE", type=click.Path(path_type=Path))
@click.argument("ids", metavar="[IDS]", required=False, type=click.Path(path_type=Path))
@config_options
@click.option(
    "--figure",
    type=click.Path(path_type=Path),
    help="Write image, coarse ids, proposals and refined ids as a picture here.",
)
@click.option("--verbose", is_flag=True, help="Also list every mask that SAM proposed.")
def frame(
    image: Path,
    ids: Path | None,
    config_file: Path | None,
    overrides: tuple[str, ...],
    figure: Path | None,
    verbose: bool,
) -> None:
    """Refine one frame and tell every decision; nothing is written but the figure.

    Without IDS, they are found as a run would find them.
    """
    settings = load_settings(config_file, overrides, {})
    from pipeline.evaluation.frame_view import inspect_frame

    view = inspect_frame(image, ids, settings)
    click.echo(view.as_text())
    if verbose:
        click.echo()
        click.echo(view.mask_table().as_text())
    if figure:
        save_picture(view.figure(), figure)
