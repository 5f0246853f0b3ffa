"""`autorefiner tune`: try settings on some frames, and write the best as a config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.cli.options import config_options, load_settings, on_dask


@click.command()
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@click.option(
    "--try",
    "grid",
    multiple=True,
    metavar="SECTION.KEY=VALUE,VALUE…",
    help="Values to try; of several such options every combination.",
)
@click.option(
    "--list",
    "list_file",
    type=click.Path(path_type=Path),
    help="YAML list of settings to try, in place of --try.",
)
@click.option(
    "--frames", default=12, show_default=True, type=click.IntRange(min=1), help="Frames to try on."
)
@click.option(
    "--truth",
    default="gt_ids",
    show_default=True,
    help="Folder of a scene that may hold a truth; fixes: try and rank by fixed frames alone.",
)
@click.option(
    "--out",
    default=Path("tuned.yaml"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Write the best settings here.",
)
@config_options
@on_dask
def tune(
    root: Path,
    grid: tuple[str, ...],
    list_file: Path | None,
    frames: int,
    truth: str,
    out: Path,
    config_file: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Try settings on a sample of the frames below DATA_ROOT and rank them.

    The best become a config that `run` takes. No ids are written.
    """
    if bool(grid) == bool(list_file):
        raise click.UsageError(
            "say what to try, once: --try SECTION.KEY=VALUE,VALUE or --list FILE"
        )
    settings = load_settings(config_file, overrides, {})
    choices = _read_list(list_file) if list_file else _read_grid(grid)
    from pipeline.tuning import tune as tune_dataset

    tuning = tune_dataset(root, choices, settings, n_frames=frames, truth=truth)
    click.echo(tuning.as_text())
    tuning.save(out)
    click.echo(
        f"\nbest: {out}; use it with: autorefiner run {root} --config {out}, with "
        "--redo stale where there are results"
    )


def _read_grid(options: tuple[str, ...]) -> dict[str, list[Any]]:
    from pipeline.plain_yaml import YamlError, read_yaml

    grid: dict[str, list[Any]] = {}
    for option in options:
        path, equals, text = option.partition("=")
        try:
            values = read_yaml(f"[{text}]")
        except YamlError as error:
            raise click.UsageError(f"--try {option}: {error}") from None
        if not equals or not values:
            raise click.UsageError(f"--try {option}: expected section.key=value,value")
        grid[path.strip()] = values
    return grid


def _read_list(path: Path) -> list[Any]:
    from pipeline.plain_yaml import YamlError, read_yaml

    try:
        found = read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise click.UsageError(f"{path}: cannot be read: {error}") from None
    if not isinstance(found, list) or not found:
        raise click.UsageError(f"{path}: found no list; expected a YAML list of settings")
    return found
