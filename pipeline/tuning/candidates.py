"""The settings to try: a grid of values, or a list of settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

from pipeline.config import Config, load_config
from pipeline.errors import ConfigError

Choices: TypeAlias = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]
"""Values to try by `section.key`, every combination of them; or a list of settings, each a mapping
of `section.key` to one value, or of sections as a config file has them."""

SECTIONS = ("model", "proposals", "refinement")
"""The sections that shape ids; settings of other sections cannot be tried."""
MOST = 1000


@dataclass(frozen=True, slots=True)
class Candidate:
    """One choice of settings."""

    changes: Mapping[str, Any]
    """Changes to the given settings, by `section.key`; empty for the given settings themselves."""
    config: Config

    @property
    def label(self) -> str:
        """The changes in words."""
        changes = (f"{path}={value}" for path, value in self.changes.items())
        return ", ".join(changes) or "as given"


def make_candidates(choices: Choices, base: Config) -> list[Candidate]:
    """Return the given settings, then all other settings to try, without repetition.

    Raises
    ------
    ConfigError
        A setting is unknown or wrong, or shapes no ids, or there are more than `MOST` choices.
    """
    wanted = [_flat(choice) for choice in _list(choices)]
    candidates = [Candidate({}, base)]
    for flat in wanted:
        tree = base.model_dump()
        for path, value in flat.items():
            section, _, key = path.partition(".")
            if section not in SECTIONS or not key:
                raise ConfigError(
                    f"{path}: found a setting to try that shapes no ids; expected section.key of "
                    f"{', '.join(SECTIONS)}"
                )
            tree[section][key] = value
        candidate = Candidate(flat, load_config(tree))
        if all(candidate.config != known.config for known in candidates):
            candidates.append(candidate)
    return candidates


def _list(choices: Choices) -> list[Mapping[str, Any]]:
    if not isinstance(choices, Mapping):
        listed = list(choices)
    else:
        for path, values in choices.items():
            if isinstance(values, str) or not isinstance(values, Sequence) or not values:
                raise ConfigError(f"{path}: found {values!r}; expected a list of values to try")
        size = 1
        for values in choices.values():
            size *= len(values)
        if size > MOST:
            raise ConfigError(f"found {size} combinations to try; expected {MOST} at most")
        listed = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    if len(listed) > MOST:
        raise ConfigError(f"found {len(listed)} settings to try; expected {MOST} at most")
    return listed


def _flat(choice: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{section: {key: value}}` or `{section.key: value}` in the second form."""
    if not isinstance(choice, Mapping):
        raise ConfigError(f"found {choice!r} among the settings to try; expected a mapping")
    flat: dict[str, Any] = {}
    for name, value in choice.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{key}": each for key, each in value.items()}
        else:
            flat[str(name)] = value
    return flat
