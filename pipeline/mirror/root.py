"""The root of a mirror: what it says about the whole, and what is refused for it."""

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
    """Open a mirror for writing, or create it where nothing is.

    Raises
    ------
    ConfigError
        There is a mirror of other settings, or something that is no mirror.
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
        # Written anew, without the consolidated metadata: what is added now would not be in it.
        return root.update_attributes(wanted)


def open_for_reading(url: str) -> zarr.Group:
    """Open a mirror that is there.

    Raises
    ------
    ConfigError
        There is none.
    StorageError
        It cannot be read.
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
    """Raise `ConfigError` where a mirror holds results of other settings, or is none."""
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
