"""`autorefiner run`: refine a data set."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipeline.cli.exit_codes import EXPLAINED, FAILED_FRAMES
from pipeline.cli.options import config_options, load_settings, on_dask

WORKED_LINES = {
    "ScanNet++: python -m semantic.prep.semantics_2d writes to its save_dir": (
        "autorefiner run SAVE_DIR --set data.layout=scannetpp"
    ),
    "ScanNet: SensReader --export_color_images; unpack SCENE_2d-instance-filt.zip": (
        "autorefiner run scans --set data.layout=scannet"
    ),
    "3RScan: unpack sequence.zip; rio_renderer_render_all 3RScan SCAN sequence 1": (
        "autorefiner run 3RScan --set data.layout=3rscan"
    ),
    "Replica: rooms as Semantic-NeRF renders them": (
        "autorefiner run Replica_Dataset --set data.layout=replica"
    ),
    "Hypersim: unpack final_preview and geometry_hdf5": (
        "autorefiner run hypersim --set data.layout=hypersim"
    ),
    "InsScene-15K: unpack its archives": (
        "autorefiner run processed_scannetpp_v2 --set data.layout=insscene"
    ),
}
"""The command for each known data set, by the step that makes its files."""

_EXAMPLES = "\n".join(f"{made}\n  {command}" for made, command in WORKED_LINES.items())


@click.command(epilog=f"\b\n{_EXAMPLES}\n\n{EXPLAINED}")
@click.argument("root", metavar="DATA_ROOT", required=False, type=click.Path(path_type=Path))
@config_options
@click.option(
    "--data_root", "--data-root", type=click.Path(path_type=Path), help="Same as DATA_ROOT."
)
@click.option(
    "--model_cfg",
    "--model-cfg",
    help="Architecture of your own checkpoint: a YAML file, or a name in the sam2 package.",
)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Weights of your own.")
@click.option(
    "--max_scenes",
    "--max-scenes",
    type=click.IntRange(min=1),
    help="Take only the first so many scenes.",
)
@click.option("--scheduler", help="Address of a Dask scheduler to join, tcp://… or tls://….")
@click.option(
    "--scheduler_file",
    "--scheduler-file",
    type=click.Path(path_type=Path),
    help="File that the scheduler to join wrote.",
)
@click.option(
    "--redo",
    type=click.Choice(["none", "stale", "failed", "all"]),
    help="Do frames again that are on record.",
)
@click.option("--verbose", is_flag=True, help="Tell more.")
@click.option("--quiet", is_flag=True, help="Tell nothing unless something is wrong, as for cron.")
@click.option("--log-json", is_flag=True, help="Log one JSON object a line, for programs.")
@click.option(
    "--performance-report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write Dask's own HTML report of the run.",
)
@on_dask
def run(
    root: Path | None,
    data_root: Path | None,
    config_file: Path | None,
    overrides: tuple[str, ...],
    model_cfg: str | None,
    checkpoint: Path | None,
    max_scenes: int | None,
    scheduler: str | None,
    scheduler_file: Path | None,
    redo: str | None,
    verbose: bool,
    quiet: bool,
    log_json: bool,
    performance_report: Path | None,
) -> None:
    """Refine every frame below DATA_ROOT that is not done yet.

    DATA_ROOT holds scenes, a scene holds images/ and obj_ids/; results go to obj_ids_refine/. Known
    data sets are refined where they lie: --set data.layout=NAME, with NAME one of scannetpp,
    scannet, 3rscan, replica, hypersim, insscene. For others, data.images, data.ids and output.path
    are patterns of paths, such as '{scene}/rgb/{frame}.jpg'. `autorefiner status DATA_ROOT` guesses
    which one it is.
    """
    named = [path for path in (root, data_root) if path]
    if len(named) != 1:
        raise click.UsageError("name the data root once: DATA_ROOT or --data_root")
    if verbose and quiet:
        raise click.UsageError("--verbose and --quiet exclude each other")
    settings = load_settings(
        config_file,
        overrides,
        {
            "model": {"config": model_cfg, "checkpoint": checkpoint},
            "data": {"max_scenes": max_scenes},
            "cluster": {"scheduler": scheduler, "scheduler_file": scheduler_file},
            "run": {
                "redo": redo,
                "log_level": "debug" if verbose else "warning" if quiet else None,
                "log_format": "json" if log_json else None,
                "performance_report": performance_report,
            },
        },
    )
    from pipeline.errors import RunInterrupted, RunStopped
    from pipeline.run.runner import refine_dataset

    try:
        summary = refine_dataset(named[0], settings)
    except (RunStopped, RunInterrupted) as end:
        click.echo(end.summary.as_text())
        raise
    if not (quiet and summary.complete):
        click.echo(summary.as_text())
    if not summary.complete:
        sys.exit(FAILED_FRAMES)
