"""YAML is read as plain data, and everything else in it is refused."""

from __future__ import annotations

import datetime
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.plain_yaml import MAX_CHARACTERS, YamlError, read_yaml, write_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: {b: [1, 2.5, 1e-6, yes, null, 'x']}", {"a": {"b": [1, 2.5, 1e-6, True, None, "x"]}}),
        ("[1e3, -1.5E+2, .5e0, 1e, e1]", [1000.0, -150.0, 0.5, "1e", "e1"]),
        ("2026-01-31", datetime.date(2026, 1, 31)),
        ("a: 1\nb:\n  - c: d", {"a": 1, "b": [{"c": "d"}]}),
    ],
)
def test_plain_values(text: str, value: Any) -> None:
    assert read_yaml(text) == value


LAUGHS = "a: &a [x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!python/object/apply:os.mkdir [run]", "line 1: found the tag .*python/object"),
        ("a:\n  b: !!python/name:os.system", "line 2: found the tag"),
        ("!!python/module:this", "the tag"),
        ("a: !own {}", "the tag !own"),
        ("a: !!timestamp x", "the tag"),
        ("a: &a [*a]", r"the alias \*a; write the value out"),
        (LAUGHS, r"line 2: found the alias \*a"),
        (MERGES, r"line 2: found the alias \*a"),
        ("[" * 100_000, "more than 20 lists"),
        ("a: " * 30, "mapping values are not allowed|more than 20"),
        ("- " * 30 + "a", "more than 20 lists"),
        ("a: 1\nb: 2\na: 3", "the key 'a' given twice"),
        ("{[a]: 1}", "unhashable key"),
        ("2026-13-45", "month must be in 1..12"),
        ("9" * 10_000, "Exceeds the limit"),
        ("a: 'b", "while scanning"),
        ("\x00", "special characters"),
        ("x" * (MAX_CHARACTERS + 1), "at most 262144 are read"),
        ("=", "could not determine a constructor"),
    ],
)
def test_everything_else_is_refused(
    text: str, message: str, tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises(YamlError, match=message):
            read_yaml(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * 2**20
    assert not list(tmp_path.iterdir())


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(plain)
def test_what_yaml_writes_is_read(value: Any) -> None:
    assert read_yaml(write_yaml(value)) == value


@given(st.text())
def test_any_text_is_a_value_or_an_error(text: str) -> None:
    try:
        read_yaml(text)
    except YamlError:
        return
