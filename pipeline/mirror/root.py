"""The root group of a mirror: opened, created, and checked against the settings."""

from __future__ import annotations

import zarr
from zarr.errors import ContainsArrayError, GroupNotFoundError

from pipeline.errors import ConfigError
from pipeline.mirror.scheme import SCHEME, attribute
from pipeline.mirror.store import MirrorSpec, list_names, open_store, reaching, refuse_link
from pipeline.packages import installed_versions

_MADE_WITH = ("autorefiner", "zarr", "numpy")
_ABSENT = (FileNotFoundError, GroupNotFoundError, ContainsArrayError)


def open_for_writing(spec: MirrorSpec) -> zarr.Group:
    """Open a mirror for writing, or create it in an empty or new folder.

    Raises
    ------
    ConfigError
        The mirror holds results of other settings, or its path holds something else.
    StorageError
        The mirror cannot be read or written.
    """
    refuse_link(spec.url)
    wanted = {
        "scheme": SCHEME,
        "fingerprint": spec.fingerprint,
        "frames_per_file": spec.frames_per_file,
        "versions": installed_versions(_MADE_WITH),
    }
    with reaching(spec.url):
        store = open_store(spec.url)
        try:
            root = zarr.open_group(store, mode="r+", use_consolidated=False)
        except _ABSENT:
            if list_names(spec.url):
                raise ConfigError(
                    f"{spec.url}: found files that are no mirror; "
                    "set output.mirror to a path where nothing is"
                ) from None
            return zarr.create_group(store, attributes=wanted)
        check_root(root, spec)
        # This drops the consolidated metadata, which would lack the arrays added from now on.
        return root.update_attributes(wanted)


def open_for_reading(url: str) -> zarr.Group:
    """Open an existing mirror for reading.

    Raises
    ------
    ConfigError
        There is no mirror.
    StorageError
        The mirror cannot be read.
    """
    with reaching(url):
        try:
            root = zarr.open_group(open_store(url), mode="r")
        except _ABSENT:
            raise ConfigError(
                f"{url}: found no mirror; make it with `autorefiner mirror DATA_ROOT`"
            ) from None
        if attribute(root, "scheme") != SCHEME:
            raise _no_mirror(url)
        return root


def check_root(root: zarr.Group, spec: MirrorSpec) -> None:
    """Raise `ConfigError` if a mirror has other settings or sharding, or is not a mirror."""
    if attribute(root, "scheme") != SCHEME:
        raise _no_mirror(spec.url)
    if attribute(root, "fingerprint") != spec.fingerprint:
        raise ConfigError(
            f"{spec.url}: found a mirror of results with the settings "
            f"{attribute(root, 'fingerprint')}; expected {spec.fingerprint}. "
            "Remove it, or set output.mirror to another path"
        )
    if attribute(root, "frames_per_file") != spec.frames_per_file:
        raise ConfigError(
            f"{spec.url}: found {attribute(root, 'frames_per_file')} frame(s) a file; expected "
            f"{spec.frames_per_file}. Set output.mirror_shard to what is there, "
            "or remove the mirror"
        )


def _no_mirror(url: str) -> ConfigError:
    return ConfigError(
        f"{url}: found a zarr group that is no mirror of this version; "
        "remove it, or set output.mirror to another path"
    )
