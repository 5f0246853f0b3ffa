"""`autorefiner stats`: what a mirrored data set says about itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from pipeline.cli.options import config_options, load_settings_of_run, on_dask

if TYPE_CHECKING:
    from pipeline.statistics.scene import SceneStatistics
    from pipeline.tables import Row


@click.command()
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@config_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="Of the files that are saved.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the files; default: autorefiner/statistics beside the results.",
)
@on_dask
def stats(
    root: Path,
    config_file: Path | None,
    overrides: tuple[str, ...],
    form: Literal["csv", "parquet"],
    out: Path | None,
) -> None:
    """Count the pixels of every object below DATA_ROOT, and save tables of them.

    Needs the mirror. Tables: frames, objects, pixels (objects in frames), spans (when an object is
    there), gaps (flicker). The next report draws them.
    """
    settings = load_settings_of_run(root, config_file, overrides)
    from pipeline.cluster import open_client
    from pipeline.dataset import Layout
    from pipeline.statistics.dataset import compute_statistics
    from pipeline.statistics.saved import STATISTICS_DIR, save_tables
    from pipeline.statistics.tables import as_row, as_text

    folder = out or Layout(root, settings.data, settings.output).record_dir / STATISTICS_DIR
    rows: list[Row] = []

    def count() -> Iterator[SceneStatistics]:
        for scene in compute_statistics(root, settings, client):
            rows.append(as_row(scene))
            yield scene

    with open_client(settings.cluster) as client:
        files = save_tables(count(), folder, form)
    click.echo(as_text(rows))
    for path in files:
        click.echo(f"saved: {path}")
