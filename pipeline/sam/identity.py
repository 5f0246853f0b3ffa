"""Which model the settings stand for, told without torch and without loading anything."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.config import ModelConfig
from pipeline.sam.checkpoints import find_checkpoint
from pipeline.sam.registry import Download, find_source


def model_identity(config: ModelConfig) -> str:
    """Name the model that the settings stand for, by content: equal if and only if it is the same.

    A known checkpoint from the web is named by its published hash, so nothing is downloaded or
    read; files on disk are named by the hash of what they hold now.
    """
    source = find_source(config)
    return f"{_architecture_identity(source.architecture)}/{_weights_identity(source.checkpoint)}"


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
