"""`autorefiner mirror`: make, complete, repair or check the mirror of a data set."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipeline.cli.exit_codes import FAILED_FRAMES
from pipeline.cli.options import config_options, load_settings_of_run, on_dask


@click.command()
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@config_options
@click.option("--check", is_flag=True, help="Compare it with the results; write nothing.")
@on_dask
def mirror(root: Path, config_file: Path | None, overrides: tuple[str, ...], check: bool) -> None:
    """Make a zarr store of all results, or complete and repair the one that is there.

    Every result is read and compared with its chunk; no model is needed. Where results and mirror
    lie is set as for `run`; unless told, it is as in the last run. Exit code 1: not every frame
    agrees.
    """
    settings = load_settings_of_run(root, config_file, overrides)
    from pipeline.cluster import open_client
    from pipeline.mirror import build_mirror, check_mirror

    with open_client(settings.cluster) as client:
        act = check_mirror if check else build_mirror
        report = act(root, settings, client)
    click.echo(report.as_text())
    if not report.agrees:
        sys.exit(FAILED_FRAMES)
