"""`autorefiner status`: count the frames of a data set by state."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.options import config_options, load_settings_of_run


@click.command()
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@config_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(root: Path, config_file: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Say what is done, to do, failed and stale below DATA_ROOT, scene by scene.

    Reads the journal and lists folders, also while a run is at work; opens no result. Results of
    other settings than those given are stale; unless told, these are those of the last run.

    Where no frame is found, it guesses how DATA_ROOT lies on disk and shows the setting to use,
    such as --set data.layout=scannetpp. Known are scannetpp, scannet, 3rscan, replica, hypersim and
    insscene; patterns of paths (data.images, data.ids) tell of all others.
    """
    import json

    from pipeline.record.status import read_status

    found = read_status(root, load_settings_of_run(root, config_file, overrides))
    click.echo(json.dumps(found.as_dict(), indent=2) if as_json else found.as_text())
