"""Reading the weights of a checkpoint file in any common form, without executing anything.

A state dict maps names to tensors. It may be bare or an entry of what a trainer saved, with the
names that torch's wrappers give to a model's parts, in torch's own format or as safetensors. Other
files are refused with a message that names what they are: a file that was cut, a page that a server
sent, a whole file with other content.
"""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pipeline.errors import ModelError
from pipeline.file_kinds import HEAD_BYTES, advice_on, guess_format

if TYPE_CHECKING:
    import torch

Weights: TypeAlias = "dict[str, torch.Tensor]"

WRAPPERS = ("model", "state_dict", "model_state_dict")
"""Entries of a trainer's file that may hold the state dict, in order of preference."""

PREFIXES = ("module.", "model.")
"""Prefixes that DataParallel, DistributedDataParallel and Lightning add to every name."""

COMPILED = "_orig_mod."
"""Part that torch.compile adds to the names below a compiled module."""

_ZIP = b"PK\x03\x04"
_COPY_AGAIN = (
    "Copy it again from where it came from; where it is a known checkpoint in the cache, move it "
    "away and it is downloaded again"
)
_SAVE_AGAIN = "save the state dict alone: torch.save({'model': model.state_dict()}, path)"
_NAMED_OBJECTS = 3
_MAX_DEPTH = 4
"""Largest number of nested wrappers, since a mapping in a file may hold itself."""


def read_weights(path: Path) -> Weights:
    """Read the weights of a checkpoint, on the CPU, without executing anything in it.

    Parameters
    ----------
    path
        A file of torch or safetensors, told apart by content. The state dict may be wrapped in a
        mapping (`WRAPPERS`), and its names may have the parts that torch's wrappers add.

    Raises
    ------
    ModelError
        The file was cut, is no checkpoint, or holds more than tensors.
    """
    head = _read_head(path)
    content = _read_safetensors(path) if _is_safetensors(head) else _read_torch(path, head)
    return _plain_names(_unwrap(path, content))


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise ModelError(f"{path}: the checkpoint cannot be read: {error}") from None
    if not head:
        raise ModelError(f"{path}: found an empty file; expected a checkpoint. {_COPY_AGAIN}")
    return head


def _is_safetensors(head: bytes) -> bool:
    """Return whether a file starts like safetensors, with the length of a JSON header and `{`."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**32


def _read_safetensors(path: Path) -> Weights:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"{path}: a safetensors file that is not whole ({error}; {_size(path)}). {_COPY_AGAIN}"
        ) from error


def _read_torch(path: Path, head: bytes) -> Any:
    if head.startswith(_ZIP) and not zipfile.is_zipfile(path):
        raise ModelError(
            f"{path}: only the first part of a checkpoint, its end is missing ({_size(path)}). "
            f"{_COPY_AGAIN}"
        )
    import torch  # imported here, since naming a model does not need it

    try:
        # The file is opened first, since torch would judge a path by its suffix.
        with path.open("rb") as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(_explain_pickle(path, head)) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(_explain(path, head)) from error


def _explain_pickle(path: Path, head: bytes) -> str:
    """Explain why torch refused a file: it holds other objects than tensors, or is no pickle."""
    if not head.startswith(_ZIP):
        return _explain(path, head)
    import torch

    try:
        objects = torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
    except Exception:
        # The names only complete the message, and the search for them may raise any exception.
        objects = []
    named = ", ".join(sorted(objects)[:_NAMED_OBJECTS])
    more = " and others" if len(objects) > _NAMED_OBJECTS else ""
    which = f" ({named:.200}{more})" if named else ""
    return (
        f"{path}: a whole file that holds Python objects besides tensors{which}, which are never "
        f"executed here; {_SAVE_AGAIN}"
    )


def _explain(path: Path, head: bytes) -> str:
    found = guess_format(head)
    if found and not head.startswith(_ZIP):
        advice = advice_on(found) or "Set model.checkpoint to the weights file"
        return f"{path}: found {found}; expected a checkpoint of torch or safetensors. {advice}"
    if head.startswith(_ZIP):
        return (
            f"{path}: found a zip archive that torch cannot read ({_size(path)}): it was damaged "
            f"on its way, or is no checkpoint. {_COPY_AGAIN}, or unpack what is inside"
        )
    if head.startswith(b"\x80"):
        return (
            f"{path}: found a pickle of the old format that was cut, or holds Python objects "
            f"besides tensors, which are never executed here ({_size(path)}). Where it is whole, "
            f"{_SAVE_AGAIN}"
        )
    return (
        f"{path}: found no checkpoint ({_size(path)}); expected a file of torch or safetensors. "
        "Set model.checkpoint to the weights file"
    )


def _size(path: Path) -> str:
    return f"{path.stat().st_size} bytes"


def _unwrap(path: Path, content: Any) -> Weights:
    for _ in range(_MAX_DEPTH):
        if not isinstance(content, dict) or _is_state_dict(content):
            break
        content = next((content[n] for n in WRAPPERS if isinstance(content.get(n), dict)), content)
    if not _is_state_dict(content):
        raise ModelError(
            f"{path}: a whole torch file without a state dict, found {_describe(content)}; "
            f"expected names and tensors, bare or under one of {', '.join(WRAPPERS)}"
        )
    return dict(content)


def _is_state_dict(content: Any) -> bool:
    import torch

    return (
        isinstance(content, dict)
        and len(content) > 0
        and all(isinstance(name, str) for name in content)
        and all(isinstance(value, torch.Tensor) for value in content.values())
    )


def _describe(content: Any) -> str:
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    names = ", ".join(str(name)[:40] for name in list(content)[:5])
    return f"a mapping of {names}{', …' if len(content) > 5 else ''}" if names else "nothing in it"


def _plain_names(weights: Weights) -> Weights:
    """Remove the parts that torch's wrappers add to the names of weights."""
    weights = {name.replace(COMPILED, ""): value for name, value in weights.items()}
    while prefix := next((p for p in PREFIXES if all(n.startswith(p) for n in weights)), None):
        weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights
