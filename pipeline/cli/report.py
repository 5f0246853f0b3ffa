"""`autorefiner report`: write the page that shows what happened."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.options import config_options, load_settings_of_run


@click.command()
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@config_options
def report(root: Path, config_file: Path | None, overrides: tuple[str, ...]) -> None:
    """Write report.html, one page that shows what happened to the frames below DATA_ROOT.

    It is made from what runs left on record, and can be made while one is under way.
    """
    from pipeline.report.write import write_report

    click.echo(write_report(root, load_settings_of_run(root, config_file, overrides)))
