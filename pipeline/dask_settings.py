"""The user's own settings of Dask, and the error where they keep a run from starting.

As it is imported, Dask reads `~/.config/dask/*.yaml`, the files below `DASK_CONFIG`, and variables
named `DASK_…`. A wrong value shows as an exception of any type, some only when a cluster is opened.
Dask is imported inside the functions, as most commands do without.
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
"""Variables that say where settings are, and are none."""
_LINK = "distributed.dashboard.link"
_PLAIN_LINK = "{scheme}://{host}:{port}/status"
_NAMED_KEYS = 4
_MAX_CAUSE = 200
_EXPECTED = (OSError, RuntimeError, ValueError)
"""What Dask raises where a cluster cannot be opened for reasons of its own."""


def check_dask_settings() -> None:
    """Import Dask, and say what is wrong where the user's settings of it forbid that.

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
            # Dask names it, and quotes what the YAML reader said.
            advice = "Correct the file or move it away; Dask reads it on every start"
        else:
            variables = ", ".join(sorted(n for n in os.environ if n.startswith("DASK_")))
            said = f"Dask's configuration cannot be read: {type(error).__name__}: {said}"
            advice = f"Look at its variables: {variables}" if variables else "Look at its files"
        raise ConfigError(f"{said}. {advice}") from None
    try:
        import distributed  # noqa: F401 - its import reads settings, that of logging among them

        # A nanny that cannot start a process tries for ever.
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
    """Raise a `ClusterError` where Dask fails in the block, and name the user's own Dask settings.

    Parameters
    ----------
    what
        What cannot be had then, such as "no local cluster can be opened".
    advice
        What to do, or to look at in the settings of this package.

    Raises
    ------
    ClusterError
        Dask failed. Without settings of the user's own, an error of a kind that is not expected
        here is a bug, and leaves the block as it is.
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
    """Replace a link to Dask's dashboard that cannot be formatted here by the plain one, and warn.

    Notebook hubs spell the link with variables of their own, which a run that is started by ssh or
    a batch system lacks; a scheduler and a client format it wherever they show it, and fail. The
    plain link is set for this process and those that it starts.
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
    """Say in a sentence where the user sets what of Dask; empty where nothing is set."""
    import dask.config

    found = [
        f"{path} ({_some(_keys(tree))})"
        for path, tree in dask.config.collect_yaml(dask.config.paths, return_paths=True)
        if tree
    ]
    found += sorted(n for n in os.environ if n.startswith("DASK_") and n not in _NO_SETTINGS)
    return f"Dask itself is configured by {', '.join(found)}" if found else ""


def source_of(key: str) -> str:
    """Say where a setting of Dask's comes from: the variable, or the file."""
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
    """Name what went wrong first: Dask wraps it in errors that say little."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = _one_line(cause).rstrip(".")
    return text if isinstance(cause, _EXPECTED) and text else f"{type(cause).__name__}: {text}"


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _MAX_CAUSE else f"{text[: _MAX_CAUSE - 1]}…"
