"""Opening a data set, the same way for every command and function.

Paths are expanded here and nowhere else. Settings are those given, or else those of the last run;
single settings override either.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import Config, ConfigLike, load_config, with_absolute_paths
from pipeline.dataset import Layout, RecordPaths
from pipeline.record.summary_file import read_summary, settings_on_record


@dataclass(frozen=True, slots=True)
class Dataset:
    """The paths and settings of a data set; opening lists no frame and reads no input."""

    layout: Layout
    """Paths of its input, its results and the record of its runs; all are absolute."""
    settings: Config
    """All settings, with absolute paths."""


def open_dataset(
    data_root: str | os.PathLike[str], config: ConfigLike = None, overrides: Iterable[str] = ()
) -> Dataset:
    """Return the paths of a data set and the settings to work on it with.

    Parameters
    ----------
    data_root
        Folder that holds the scenes; `~` stands for the home folder.
    config
        A `Config`, a mapping, or the path of a YAML file. None takes the settings of the last run
        that shaped and placed its results, or the defaults where there was no run.
    overrides
        Strings `section.key=value` that override these. With `output.root` among them, the last
        run is looked for there.

    Raises
    ------
    ConfigError
        A setting is wrong, or patterns of paths do not fit together.
    StorageError
        The summary of the last run cannot be read.
    """
    root, overrides = find_root(data_root), tuple(overrides)
    if config is None:
        config = settings_of_last_run(load_config(None, overrides).output.root or root)
    settings = with_absolute_paths(load_config(config, overrides))
    return Dataset(Layout(root, settings.data, settings.output), settings)


def find_root(data_root: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a data root."""
    try:
        return Path(data_root).expanduser().absolute()
    except RuntimeError:  # `~name` of an unknown user, or a folder of such a name
        return Path(data_root).absolute()


def settings_of_last_run(output_root: Path) -> Config:
    """Return the settings that shaped and placed the results of the last run.

    Parameters
    ----------
    output_root
        Folder that the run wrote to: the data root, unless `output.root` was set.

    Returns
    -------
    Config
        The defaults where there is no summary. The run's `cluster` and `run` sections are left at
        their defaults, since its cluster may be gone.

    Raises
    ------
    StorageError
        The summary cannot be read.
    """
    default = Config()
    found = settings_on_record(read_summary(RecordPaths(output_root).summary), default)
    return found.model_copy(update={"cluster": default.cluster, "run": default.run})
