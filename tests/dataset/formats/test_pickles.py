"""A pickle is read, never run."""

from __future__ import annotations

import builtins
import importlib
import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.formats.pickles import Call, Collection, Global, PickleError, parse


class Everything:
    """A collection of names that contains every name."""

    def __contains__(self, name: object) -> bool:
        return True


class Gadget:
    """Calls a function when unpickled."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.args


class StatefulGadget(Gadget):
    def __reduce__(self) -> tuple[Any, ...]:
        return object, (), Gadget(self.function, *self.args)


GADGETS = [
    pytest.param(lambda mark: Gadget(os.mkdir, mark), id="os"),
    pytest.param(lambda mark: Gadget(builtins.exec, f"import os; os.mkdir({mark!r})"), id="exec"),
    pytest.param(
        lambda mark: Gadget(builtins.eval, f"__import__('os').mkdir({mark!r})"), id="eval"
    ),
    pytest.param(lambda mark: StatefulGadget(os.mkdir, mark), id="in the state"),
    pytest.param(lambda mark: {"ids": [Gadget(os.mkdir, mark)]}, id="in a list in a dict"),
    pytest.param(lambda mark: (1, Gadget(os.mkdir, mark)), id="in a tuple"),
    pytest.param(lambda mark: Gadget(bool, Gadget(os.mkdir, mark)), id="in arguments"),
    pytest.param(lambda mark: OrderedDict(a=Gadget(os.mkdir, mark)), id="in an ordered dict"),
]


@pytest.mark.parametrize("make", GADGETS)
@pytest.mark.parametrize("protocol", range(2, 6))
def test_gadgets_are_not_run(tmp_path: Path, make: Any, protocol: int) -> None:
    mark = tmp_path / "run"
    pickled = pickle.dumps(make(str(mark)), protocol)
    parse(io.BytesIO(pickled), Everything())
    with pytest.raises(PickleError, match=r"a pickle that calls '.*' \(it was not run\)"):
        parse(io.BytesIO(pickled), ())
    assert not mark.exists()
    # Unpickling the same bytes does run them, which shows that the test can fail.
    pickle.loads(pickled)
    assert mark.exists()


def test_calls_are_described() -> None:
    call = parse(io.BytesIO(pickle.dumps(Gadget(os.mkdir, "x"), 2)), Everything())
    assert isinstance(call, Call)
    assert call.name == f"{os.mkdir.__module__}.mkdir"
    assert call.args == ("x",)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.tuples(inner) | st.tuples(inner, inner) | st.tuples(inner, inner, inner, inner)
    ),
    max_leaves=20,
)


@given(plain, st.integers(3, 5))
def test_plain_values_are_what_pickle_says(value: Any, protocol: int) -> None:
    assert parse(io.BytesIO(pickle.dumps(value, protocol)), ()) == value


@pytest.mark.parametrize(("value", "kind"), [({"a": 1}, "dict"), ([1, 2], "list"), ({1}, "set")])
def test_containers_are_named(value: Any, kind: str) -> None:
    container = parse(io.BytesIO(pickle.dumps(value, 4)), ())
    assert isinstance(container, Collection)
    assert container.kind == kind


def test_the_stream_is_left_behind_the_pickle() -> None:
    stream = io.BytesIO(pickle.dumps(1) + pickle.dumps(2) + b"rest")
    assert (parse(stream, ()), parse(stream, ()), stream.read()) == (1, 2, b"rest")


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (b"", "damaged"),
        (b"hello", "damaged|instruction"),
        (b"\x80\x02K\x01", "damaged"),
        (b"\x80\x02.", "damaged"),
        (b"\x80\x02t.", "damaged"),
        (b"\x80\x02h\x05.", "damaged"),
        (b"(i__main__\nGadget\n.", "INST"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"P0\n.", "PERSID"),
        (b"\x80\x04K\x01K\x02\x93.", "damaged"),
        (b"\x80\x04\x8d" + b"\xff" * 8 + b".", "damaged"),
        (b"\x80\x05\x96" + b"\xff" * 7 + b"\x00.", "damaged"),
        (b"\x80\x02" + b"N0" * 5_000 + b".", "many objects|POP"),
        (pickle.dumps(list(range(10_000)), 2), "many objects"),
    ],
)
def test_damage_is_one_exception(pickled: bytes, message: str) -> None:
    with pytest.raises(PickleError, match=message):
        parse(io.BytesIO(pickled), ())


def test_a_huge_memo_index_costs_nothing() -> None:
    # CPython's own unpickler would allocate memory for four thousand million entries.
    assert parse(io.BytesIO(b"\x80\x02K\x07r\xff\xff\xff\xff."), ()) == 7


def test_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "innocent.py").write_text("raise SystemExit\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert parse(io.BytesIO(b"\x80\x02cinnocent\nname\n."), ()) == Global("innocent.name")
    with pytest.raises(SystemExit):
        importlib.import_module("innocent")
