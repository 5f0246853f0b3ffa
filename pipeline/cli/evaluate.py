"""`autorefiner evaluate`: score refined ids against a truth."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from pipeline.cli.options import config_options, load_settings_of_run


@click.command()
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@config_options
@click.option(
    "--truth",
    default="gt_ids",
    show_default=True,
    help="Folder that holds the truth as obj_ids holds coarse ids, or a pattern of its paths; "
    "fixes: the fixes of the data set.",
)
@click.option(
    "--ids",
    type=click.Choice(["refined", "fixed"]),
    default="refined",
    show_default=True,
    help="What is scored; fixed: the fix of a frame in place of its refined ids.",
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Also write the scores here."
)
def evaluate(
    root: Path,
    config_file: Path | None,
    overrides: tuple[str, ...],
    truth: str,
    ids: Literal["refined", "fixed"],
    json_file: Path | None,
) -> None:
    """Score refined ids against a truth, the coarse ids beside them.

    Where both lie is set as for `run`; unless told, it is as in the last run.
    """
    import json

    from pipeline.evaluation import evaluate as evaluate_dataset

    scores = evaluate_dataset(
        root, truth=truth, config=load_settings_of_run(root, config_file, overrides), ids=ids
    )
    click.echo(scores.as_text())
    if json_file:
        try:
            json_file.write_text(json.dumps(scores.as_dict(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"{json_file}: cannot be written: {error}") from None
