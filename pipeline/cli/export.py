"""`autorefiner export`: ids in a format that other tools read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

from pipeline.cli.exit_codes import FAILED_FRAMES
from pipeline.cli.options import config_options, load_settings_of_run
from pipeline.exchange.formats import EXPORTS


@click.command()
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@click.option("--to", "form", type=click.Choice([*EXPORTS]), required=True, help="The format.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the export; default: autorefiner/exports/FORMAT beside the results.",
)
@click.option(
    "--scenes",
    multiple=True,
    metavar="PATTERN",
    help="Name or glob pattern of the scenes to export; may be given many times.",
)
@click.option(
    "--ids",
    type=click.Choice(["refined", "coarse", "truth"]),
    default="refined",
    show_default=True,
    help="Which ids.",
)
@click.option(
    "--truth", default="gt_ids", show_default=True, help="Folder of a scene that holds the truth."
)
@click.option(
    "--per",
    type=click.Choice(["dataset", "scene"]),
    help="What one joined file is for; default: the dataset, for cvat a scene.",
)
@click.option("--replace", is_flag=True, help="Make a finished export anew whose ids changed.")
@config_options
def export(
    root: Path,
    form: str,
    out: Path | None,
    scenes: tuple[str, ...],
    ids: Literal["refined", "coarse", "truth"],
    truth: str,
    per: Literal["dataset", "scene"] | None,
    replace: bool,
    config_file: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Write ids in a format that other tools read; one object is one track over its scene.

    A stopped export goes on where it was when the command is given again. Where the ids lie is set
    as for `run`; unless told, it is as in the last run. Exit code 1: frames without usable ids were
    left out.
    """
    settings = load_settings_of_run(root, config_file, overrides)
    from pipeline.exchange.export import export_dataset

    report = export_dataset(
        root,
        form,
        out=out,
        ids=ids,
        truth=truth,
        scenes=scenes,
        per=per,
        config=settings,
        replace=replace,
    )
    click.echo(report.as_text())
    if not report.complete:
        sys.exit(FAILED_FRAMES)
