"""`autorefiner verify`: open every result, and check that it is whole."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipeline.cli.exit_codes import FAILED_FRAMES
from pipeline.cli.options import config_options, load_settings_of_run


@click.command()
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@config_options
@click.option(
    "--remove",
    is_flag=True,
    help="Remove results that are torn or of another input; the next run makes them again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    root: Path,
    config_file: Path | None,
    overrides: tuple[str, ...],
    remove: bool,
    as_json: bool,
) -> None:
    """Open every result below DATA_ROOT, and see that it is whole and made from its input.

    Fixes are opened, too; a damaged one is named and left where it is.

    Exits with 1 unless every frame is done with these settings; unless told, these are those of
    the last run.
    """
    import json

    from pipeline.record.status import verify_dataset

    found = verify_dataset(root, load_settings_of_run(root, config_file, overrides), remove=remove)
    click.echo(json.dumps(found.as_dict(), indent=2) if as_json else found.as_text())
    if not found.complete:
        sys.exit(FAILED_FRAMES)
