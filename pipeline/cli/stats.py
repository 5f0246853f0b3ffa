"""`autorefiner stats`: count the pixels of every object of a mirrored data set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from pipeline.cli.options import config_options, on_dask

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
    from pipeline.cluster import open_client
    from pipeline.record.opening import open_dataset
    from pipeline.statistics.dataset import compute_statistics
    from pipeline.statistics.saved import save_tables
    from pipeline.statistics.tables import as_row, as_text

    dataset = open_dataset(root, config_file, overrides)
    folder, settings = out or dataset.layout.record.statistics, dataset.settings
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
