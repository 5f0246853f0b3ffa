"""The command line. Everything heavy is imported inside the commands, so that `--help` is quick."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.errors import AutoRefinerError, StorageError

if TYPE_CHECKING:
    from pipeline.config import Config

EXIT_FAILED_FRAMES = 1
EXIT_WRONG_USE = 2
EXIT_STOPPED = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130

EXIT_CODES = """\b
Exit codes: 0 every frame is done; 1 some frames failed or hold results of other settings;
2 wrong use: a setting, the data root, the model or the cluster;
3 the run had to stop, such as on a full disk; 70 a bug; 130 interrupted."""


class SeedFriendlyGroup(click.Group):
    """Runs the launch scripts of the tool before: options without a command mean `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `run` where the first word is an option of it."""
        own = {"--help", "--version"}
        if args and args[0].startswith("--") and args[0] not in own:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=SeedFriendlyGroup, context_settings={"help_option_names": ["--help"]})
@click.version_option(package_name="autorefiner")
def main() -> None:
    """Turn coarse instance-id maps into sharp ones, with SAM 2, on a Dask cluster."""


def _config_options(command: Any) -> Any:
    command = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="SECTION.KEY=VALUE",
        help="Override one setting; may be given many times.",
    )(command)
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        help="YAML file of settings.",
    )(command)


@main.command(epilog=EXIT_CODES)
@click.argument("root", metavar="DATA_ROOT", required=False, type=click.Path(path_type=Path))
@_config_options
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
@click.option(
    "--redo",
    type=click.Choice(["none", "stale", "failed", "all"]),
    help="Do frames again that are on record.",
)
@click.option("--verbose", is_flag=True, help="Tell more.")
def run(
    root: Path | None,
    data_root: Path | None,
    config_file: Path | None,
    overrides: tuple[str, ...],
    model_cfg: str | None,
    checkpoint: Path | None,
    max_scenes: int | None,
    redo: str | None,
    verbose: bool,
) -> None:
    """Refine every frame below DATA_ROOT that is not done yet.

    DATA_ROOT holds scenes, a scene holds images/ and obj_ids/; results go to obj_ids_refine/.
    """
    named = [path for path in (root, data_root) if path]
    if len(named) != 1:
        raise click.UsageError("name the data root once: DATA_ROOT or --data_root")
    settings = _load_config(
        config_file,
        overrides,
        {
            "model": {"config": model_cfg, "checkpoint": checkpoint},
            "data": {"max_scenes": max_scenes},
            "run": {"redo": redo, "log_level": "debug" if verbose else None},
        },
    )
    from pipeline.run.runner import refine_dataset

    summary = refine_dataset(named[0], settings)
    click.echo(summary.as_text())
    if not summary.complete:
        sys.exit(EXIT_FAILED_FRAMES)


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--scenes", default=3, show_default=True, type=click.IntRange(min=1), help="Scenes to make."
)
@click.option(
    "--frames", default=4, show_default=True, type=click.IntRange(min=1), help="Frames a scene."
)
@click.option(
    "--size",
    default=(640, 480),
    show_default=True,
    type=(click.IntRange(min=32), click.IntRange(min=32)),
    help="Width and height in pixels.",
)
@click.option(
    "--seed",
    default=9,
    show_default=True,
    type=click.IntRange(min=0),
    help="Same seed, same scenes.",
)
@click.option(
    "--severity",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How bad the coarse ids are; 0 is the truth.",
)
def demo(
    folder: Path, scenes: int, frames: int, size: tuple[int, int], seed: int, severity: float
) -> None:
    """Make a small data set of procedural rooms, with coarse ids and truth, in DIR."""
    from pipeline.demo.write import write_demo_dataset

    try:
        write_demo_dataset(folder, scenes, frames, size, seed, severity)
    except OSError as error:
        raise click.UsageError(f"{folder}: cannot be written to: {error}") from None
    click.echo(f"{scenes} scene(s) of {frames} frame(s) in {folder}; truth in gt_ids/")


@main.command()
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@_config_options
@click.option(
    "--truth", default="gt_ids", show_default=True, help="Folder of a scene that holds the truth."
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Also write the scores here."
)
def evaluate(
    root: Path,
    config_file: Path | None,
    overrides: tuple[str, ...],
    truth: str,
    json_file: Path | None,
) -> None:
    """Score refined ids against a truth, the coarse ids beside them."""
    import json

    from pipeline.evaluation import evaluate as evaluate_dataset

    scores = evaluate_dataset(root, truth=truth, config=_load_config(config_file, overrides, {}))
    click.echo(scores.as_text())
    if json_file:
        try:
            json_file.write_text(json.dumps(scores.as_dict(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"{json_file}: cannot be written: {error}") from None


def _load_config(
    config_file: Path | None, overrides: tuple[str, ...], flags: dict[str, dict[str, Any]]
) -> Config:
    """Put the settings together: the file, over it the flags, over those `--set`."""
    from pipeline.config import load_config

    tree = load_config(config_file).model_dump()
    for section, part in flags.items():
        tree[section].update({key: value for key, value in part.items() if value is not None})
    return load_config(tree, overrides)


def entry_point() -> None:
    """Run the command line; what the user can mend is said in a line, without a traceback."""
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; the same command goes on where this one stopped", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except AutoRefinerError as error:
        click.echo(f"autorefiner: {error}", err=True)
        sys.exit(EXIT_STOPPED if isinstance(error, StorageError) else EXIT_WRONG_USE)
    except Exception:
        traceback.print_exc()
        sys.exit(EXIT_BUG)
