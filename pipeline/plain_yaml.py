"""YAML as plain data: mappings, lists, texts and numbers, and nothing that could surprise.

YAML can name classes to build (tags), repeat a part by name until a few lines stand for billions
of values (aliases), nest without end, and give a key twice. No setting needs any of it, so all of
it is refused, before a value is made.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

MAX_CHARACTERS = 2**18
MAX_DEPTH = 20
"""Mappings and lists within one another."""


class YamlError(ValueError):
    """A text is no YAML, or more than plain data; says what and where."""


def read_yaml(text: str) -> Any:
    """Return what a YAML text says.

    Returns
    -------
    object
        dict, list, str, int, float, bool, date, datetime or None.

    Raises
    ------
    YamlError
        The text is no YAML, uses tags, aliases or a key twice, or is too long or too deep.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlError(f"{len(text)} characters; at most {MAX_CHARACTERS} are read")
    try:
        return yaml.load(text, _PlainLoader)  # noqa: S506 (a safe loader, and a stricter one)
    except YamlError:
        raise
    except (yaml.YAMLError, ValueError) as error:
        # Such as a date in month 13, which PyYAML leaves to Python to refuse.
        raise YamlError(str(error)) from None


class _PlainLoader(yaml.SafeLoader):
    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refusal(event, f"the alias *{event.anchor}; write the value out")
        if event.tag is not None:
            raise _refusal(event, f"the tag {event.tag}; only plain values are read")
        if self._depth > MAX_DEPTH:
            raise _refusal(event, f"more than {MAX_DEPTH} lists and mappings within one another")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise _refusal(node, f"the key {twice!r} given twice")
        return mapping


# PyYAML takes 1e-6 for a text, as YAML did before version 1.2.
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _refusal(place: Any, found: str) -> YamlError:
    return YamlError(f"line {place.start_mark.line + 1}: found {found}")
