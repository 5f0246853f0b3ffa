"""Options that several commands share, and the settings that result from them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from PIL.Image import Image

    from pipeline.config import Config

Words = ParamSpec("Words")
Answer = TypeVar("Answer")


def on_dask(command: Callable[Words, Answer]) -> Callable[Words, Answer]:
    """Make a command check the user's Dask settings before it imports Dask."""

    @functools.wraps(command)
    def checked(*words: Words.args, **options: Words.kwargs) -> Answer:
        from pipeline.dask_settings import check_dask_settings

        check_dask_settings()
        return command(*words, **options)

    return checked


def config_options(command: Any) -> Any:
    """Add `--config` and `--set` to a command."""
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


def save_picture(picture: Image, path: Path) -> None:
    """Write a picture, in the format that the file's suffix names."""
    try:
        picture.save(path)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{path}: cannot be written: {error}") from None
    click.echo(f"picture: {path}")


def load_settings(
    config_file: Path | None, overrides: tuple[str, ...], flags: dict[str, dict[str, Any]]
) -> Config:
    """Return the settings of the file, overridden by the flags and then by `--set`."""
    from pipeline.config import load_config

    tree = load_config(config_file).model_dump()
    for section, part in flags.items():
        tree[section].update({key: value for key, value in part.items() if value is not None})
    return load_config(tree, overrides)


def load_settings_of_run(
    root: Path, config_file: Path | None, overrides: tuple[str, ...]
) -> Config:
    """Return the settings of the file, or else of the last run, overridden by `--set`."""
    from pipeline.record.opening import open_dataset

    return open_dataset(root, config_file, overrides).settings
