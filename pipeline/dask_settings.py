"""The user's own settings of Dask, and the error where they keep a run from starting.

When imported, Dask reads `~/.config/dask/*.yaml`, the files below `DASK_CONFIG`, and variables
named `DASK_…`. A wrong value raises an exception of any type, some only when a cluster is opened.
Dask is imported inside the functions, since most commands do not need it.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipeline.errors import AutoRefinerError, ClusterError, ConfigError

log = logging.getLogger(__name__)

_NO_SETTINGS = {"DASK_CONFIG", "DASK_ROOT_CONFIG", "DASK_INTERNAL_INHERIT_CONFIG"}
"""Variables that hold no setting, but the place of settings."""
_LINK = "distributed.dashboard.link"
_PLAIN_LINK = "{scheme}://{host}:{port}/status"
_NAMED_KEYS = 4
_MAX_CAUSE = 200
_EXPECTED = (OSError, RuntimeError, ValueError)
"""Types that Dask raises when a cluster cannot be opened."""


def check_dask_settings() -> None:
    """Import Dask, and raise an error that names the user's settings if they prevent it.

    Raises
    ------
    ConfigError
        A file is no YAML mapping, or Dask cannot be imported with what is set.
    """
    try:
        import dask
    except ImportError:
        raise
    except Exception as error:
        said = _one_line(error).replace(" ^", "")
        if "config file" in said:
            # Dask's message names the file and quotes the YAML reader.
            advice = "Correct the file or move it away; Dask reads it on every start"
        else:
            variables = ", ".join(sorted(n for n in os.environ if n.startswith("DASK_")))
            said = f"Dask's configuration cannot be read: {type(error).__name__}: {said}"
            advice = f"Look at its variables: {variables}" if variables else "Look at its files"
        raise ConfigError(f"{said}. {advice}") from None
    try:
        import distributed  # noqa: F401 - its import reads settings, such as those of logging

        # The method is checked here, since a nanny that cannot start a process retries for ever.
        multiprocessing.get_context(dask.config.get("distributed.worker.multiprocessing-method"))
    except ImportError:
        raise
    except Exception as error:
        if not (own := own_settings()):
            raise
        raise ConfigError(
            f"Dask cannot start with its configuration: {_cause(error)}. {own}"
        ) from error


@contextmanager
def explaining(what: str, advice: str) -> Iterator[None]:
    """Turn a failure of Dask in the block into a `ClusterError` that names the user's settings.

    Parameters
    ----------
    what
        The failure in words, such as "no local cluster can be opened".
    advice
        What to do, or which setting of this package to check.

    Raises
    ------
    ClusterError
        Dask failed. If the user has no settings of Dask, exceptions of unexpected types are bugs
        and are raised unchanged.
    """
    try:
        yield
    except AutoRefinerError:
        raise
    except Exception as error:
        own = own_settings()
        if not own and not isinstance(error, _EXPECTED):
            raise
        raise ClusterError(
            ". ".join(part for part in (f"{what}: {_cause(error)}", advice, own) if part)
        ) from error


def mend_dashboard_link() -> None:
    """Replace a dashboard link that cannot be formatted here by the plain one, and warn.

    Notebook hubs set a link with environment variables that a run started by ssh or a batch system
    lacks. Scheduler and client then fail when they format the link. The plain link is set for this
    process and those that it starts.
    """
    import dask
    from distributed.utils import format_dashboard_link

    try:
        format_dashboard_link("127.0.0.1", 8787)
    except Exception as error:
        log.warning(
            "the link to the dashboard, set by %s, cannot be formatted (%s: %s); the plain address "
            "is shown",
            source_of(_LINK),
            type(error).__name__,
            error,
        )
        dask.config.set({_LINK: _PLAIN_LINK})


def own_settings() -> str:
    """Return a sentence that lists the user's settings of Dask and their files; "" without any."""
    import dask.config

    found = [
        f"{path} ({_some(_keys(tree))})"
        for path, tree in dask.config.collect_yaml(dask.config.paths, return_paths=True)
        if tree
    ]
    found += sorted(n for n in os.environ if n.startswith("DASK_") and n not in _NO_SETTINGS)
    return f"Dask itself is configured by {', '.join(found)}" if found else ""


def source_of(key: str) -> str:
    """Return the source of a setting of Dask in words: the variable, or the file."""
    import dask.config

    variable = "DASK_" + key.replace("-", "_").replace(".", "__").upper()
    if variable in os.environ:
        return f"the environment variable {variable}"
    # The last file that sets it wins.
    files = [str(path) for path in dask.config.paths_containing_key(key, dask.config.paths)]
    return f"{key} in {files[-1]}" if files else f"{key} in Dask's configuration"


def _keys(tree: Mapping[Any, Any], above: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _keys(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _some(keys: Iterator[str]) -> str:
    listed = list(keys)
    shown = ", ".join(listed[:_NAMED_KEYS])
    more = len(listed) - _NAMED_KEYS
    return f"{shown} and {more} more" if more > 0 else shown


def _cause(error: Exception) -> str:
    """Describe the first exception of a chain, since Dask wraps it in vague ones."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = _one_line(cause).rstrip(".")
    return text if isinstance(cause, _EXPECTED) and text else f"{type(cause).__name__}: {text}"


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _MAX_CAUSE else f"{text[: _MAX_CAUSE - 1]}…"
