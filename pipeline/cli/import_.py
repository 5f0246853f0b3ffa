"""`autorefiner import`: corrected masks of another tool as id maps."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipeline.cli.exit_codes import FAILED_FRAMES
from pipeline.cli.options import config_options, load_settings_of_run
from pipeline.exchange.formats import IMPORTS


@click.command("import")
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@click.argument("source", metavar="FILE_OR_FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "form",
    type=click.Choice([*IMPORTS]),
    required=True,
    help="The format; labels: grey or palette PNGs whose values are ids, such as DAVIS has.",
)
@click.option(
    "--into",
    default="gt_ids",
    show_default=True,
    metavar="NAME",
    help="Folder of a scene that receives the maps.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write below this folder, not the data root."
)
@click.option(
    "--as-fixes",
    is_flag=True,
    help="Write the maps as fixes, which count in place of refined ids, not into a folder.",
)
@click.option("--author", help="With --as-fixes: who made them; default: the name of this user.")
@click.option("--replace", is_flag=True, help="Write over maps that are there and differ.")
@config_options
def import_(
    root: Path,
    source: Path,
    form: str,
    into: str,
    out: Path | None,
    as_fixes: bool,
    author: str | None,
    replace: bool,
    config_file: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Turn masks of another tool into id maps, one 16-bit PNG for each frame, or into fixes.

    `evaluate --truth` takes them as truth, `run` as input; the end of the output says with which
    settings. Nothing is written unless all of it can be read. Exit code 1: images that are no frame
    of the data set were left out.
    """
    if as_fixes and (out or into != "gt_ids"):
        raise click.UsageError("found --as-fixes with --into or --out; fixes have their own folder")
    if author is not None and not as_fixes:
        raise click.UsageError("found --author without --as-fixes; only fixes have an author")
    settings = load_settings_of_run(root, config_file, overrides)
    from pipeline.exchange.import_ import import_ids

    report = import_ids(
        root,
        form,
        source,
        into=into,
        out=out,
        config=settings,
        replace=replace,
        as_fixes=as_fixes,
        author=author,
    )
    click.echo(report.as_text())
    if not report.complete:
        sys.exit(FAILED_FRAMES)
