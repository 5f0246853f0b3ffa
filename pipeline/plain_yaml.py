"""YAML as plain data: mappings, lists, texts and numbers.

YAML can name classes to build (tags), repeat a part by name so that a few lines become billions of
values (aliases), nest without limit, and give a key twice. No setting needs these, so all of them
are refused before a value is made.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

import yaml

MAX_CHARACTERS = 2**18
MAX_DEPTH = 20
"""Largest depth of nested mappings and lists."""


class YamlError(ValueError):
    """A text is no YAML, or not plain data; the message says what and where."""


def read_yaml(text: str, texts: Iterable[tuple[str, ...]] = ()) -> Any:
    """Return the values of a YAML text.

    Parameters
    ----------
    text
        A YAML document.
    texts
        Paths of keys, from the top, whose values are read as text, alone or in a list: `0123` stays
        `0123`, where YAML would read the number 83.

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
        return _load(text, texts)
    except YamlError:
        raise
    except (yaml.YAMLError, ValueError) as error:
        # A ValueError comes from Python's own types, such as a date in month 13.
        raise YamlError(str(error)) from None


def _load(text: str, texts: Iterable[tuple[str, ...]]) -> Any:
    loader = _PlainLoader(text)
    try:
        root = loader.get_single_node()
        for way in texts:
            for node in _follow(root, way):
                _keep_text(node)
        return None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def _follow(node: Any, way: tuple[str, ...]) -> Iterator[Any]:
    if not way:
        yield node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == way[0]:
                yield from _follow(value, way[1:])


def _keep_text(node: Any) -> None:
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            _keep_text(each)
    elif isinstance(node, yaml.ScalarNode) and (node.value or node.style):
        # An empty value stays None.
        node.tag = "tag:yaml.org,2002:str"


def write_yaml(value: Any) -> str:
    """Return plain data as YAML, which `read_yaml` reads as the same data in the same order."""
    return str(yaml.dump(value, Dumper=_PlainDumper, sort_keys=False))


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


class _PlainDumper(yaml.SafeDumper):
    pass


# PyYAML reads 1e-6 as text, as YAML did before version 1.2; what is text has quotes when written.
for _class in (_PlainLoader, _PlainDumper):
    _class.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
        list("-+.0123456789"),
    )


def _refusal(place: Any, found: str) -> YamlError:
    return YamlError(f"line {place.start_mark.line + 1}: found {found}")
