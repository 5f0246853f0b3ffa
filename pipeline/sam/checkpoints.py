"""Checkpoint files: found in the cache or downloaded once, and named by their content.

Torch and the packages for downloads are imported where they are used: naming a model needs neither.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pipeline.config import ModelConfig
from pipeline.errors import ModelError
from pipeline.sam.registry import Download, find_source
from pipeline.sam.weights import read_weights

__all__ = [
    "CACHE_VARIABLE",
    "cache_dir",
    "find_checkpoint",
    "memory_identity",
    "model_identity",
    "obtain_checkpoint",
    "read_weights",
]

CACHE_VARIABLE = "AUTOREFINER_CACHE"
_CONNECT_TIMEOUT = 30.0
_LOCK_TIMEOUT = 3600.0


def cache_dir(config: ModelConfig) -> Path:
    """Return the folder of downloads: the setting, the variable, or the user's cache folder."""
    if config.cache_dir is not None:
        return config.cache_dir
    if CACHE_VARIABLE in os.environ:
        return Path(os.environ[CACHE_VARIABLE]).expanduser()
    import pooch

    return Path(pooch.os_cache("autorefiner"))


def obtain_checkpoint(config: ModelConfig) -> Path:
    """Return the weights file that the settings name; download it if it is missing.

    Raises
    ------
    ModelError
        See `find_checkpoint`.
    """
    return find_checkpoint(find_source(config).checkpoint, cache_dir(config))


def find_checkpoint(checkpoint: Path | Download, folder: Path) -> Path:
    """Return a checkpoint's file; download it at the first call if it is a `Download`.

    Any number of processes may call this at once: one of them downloads, the others wait.

    Raises
    ------
    ModelError
        The file is missing and cannot be downloaded, or the download has another hash.
    """
    if isinstance(checkpoint, Path):
        if not checkpoint.is_file():
            raise ModelError(
                f"{checkpoint}: no such checkpoint file; correct model.checkpoint, "
                "or leave it out and choose a known one by model.name"
            )
        return checkpoint
    path = folder / checkpoint.file_name
    if path.is_file():
        return path
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=_LOCK_TIMEOUT):
            if not path.is_file():
                _fetch(checkpoint, path)
    except (OSError, ValueError, Timeout) as error:
        # requests' own errors are OSErrors; pooch reports a wrong hash as a ValueError.
        raise ModelError(
            f"{checkpoint.url}: cannot be downloaded: {_reason(error)}. "
            f"Without a connection, bring the file from elsewhere and put it at {path} "
            "(or name its place as model.checkpoint)"
        ) from error
    return path


def _fetch(download: Download, path: Path) -> None:
    """Download into a file beside `path`, check its hash, then move it to `path`."""
    import pooch

    pooch.retrieve(
        download.url,
        known_hash=f"sha256:{download.sha256}",
        fname=path.name,
        path=path.parent,
        downloader=pooch.HTTPDownloader(progressbar=True, timeout=_CONNECT_TIMEOUT),
    )


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.exceptions.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.ConnectionError):
        return f"no connection ({type(error).__name__})"
    return str(error)


def model_identity(config: ModelConfig) -> str:
    """Return a name of the settings' model that is equal if and only if its content is the same.

    A known checkpoint from the web is named by its published hash, so nothing is downloaded or
    read; files on disk are named by the hash of their present content.
    """
    source = find_source(config)
    return f"{_architecture_identity(source.architecture)}/{_weights_identity(source.checkpoint)}"


def memory_identity(config: ModelConfig) -> str:
    """Return a name of the memory that the settings' model has in files of its own.

    Results that use the memory depend on this name besides `model_identity`. It is empty where the
    memory is part of the checkpoint, or where there is none.
    """
    memory = find_source(config).memory
    if memory is None:
        return ""
    return f"{_content_hash(memory.architecture)}/{_content_hash(memory.weights)}"


def _architecture_identity(architecture: str) -> str:
    path = Path(architecture)
    return _content_hash(path) if path.is_file() else architecture


def _weights_identity(checkpoint: Path | Download) -> str:
    if isinstance(checkpoint, Download):
        return checkpoint.sha256[:16]
    return _content_hash(find_checkpoint(checkpoint, Path()))


def _content_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
