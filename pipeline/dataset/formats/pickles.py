"""Reading a pickle as data: a description of the objects it would build, without building them.

A pickle is a program whose instructions import names and call them. `parse` follows the
instructions that `torch.save` needs for one tensor or array, and returns a tree of plain values
in which each import is a `Global` (a name) and each call a `Call` (a name and arguments). Nothing
is ever imported or called, so no sandbox is needed. A pickle that contains a call of anything but
the few names of tensors and arrays, at any depth, is refused all the same.
"""

from __future__ import annotations

import pickletools
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any, BinaryIO

MAX_STEPS = 10_000
"""Instructions followed at most; one array takes about 60, a name and a number in a dict 4."""


class PickleError(Exception):
    """The bytes are no pickle, or one with instructions that tensors and arrays do not need."""


@dataclass(frozen=True, slots=True)
class Global:
    """A name that the pickle would import, such as `numpy.ndarray`."""

    name: str


@dataclass(slots=True, eq=False)
class Call:
    """A call that the pickle would make."""

    name: str
    args: Any
    state: Any = None
    """Argument that the pickle would then pass to the result's `__setstate__`."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A reference to data outside the pickle: a tensor's storage."""

    key: Any


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """A list, dict or set that the pickle would make."""

    kind: str
    items: list[tuple[Any, Any]] = field(default_factory=list)
    """Key and value of each item of a dict, position and value of each of a list; empty for a set.
    Through the memo a pickle can put a collection into itself."""


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_COLLECTIONS = {"EMPTY_DICT": "dict", "EMPTY_LIST": "list", "EMPTY_SET": "set"}
_NUMBERS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
_BYTES = {"BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_TEXTS = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_VALUES = _NUMBERS | _BYTES | _TEXTS
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_FILLERS = {"APPEND": 1, "SETITEM": 2}
_MANY_FILLERS = frozenset({"APPENDS", "SETITEMS", "ADDITEMS"})
_ORDERED_DICT = "collections.OrderedDict"
_FRAMING = frozenset({"PROTO", "FRAME", "STOP"})


def parse(
    stream: BinaryIO, callable_names: Container[str], references: list[Reference] | None = None
) -> Any:
    """Return the tree of values that one pickle describes; leave the stream behind its end.

    Parameters
    ----------
    stream
        Stream at the beginning of the pickle.
    callable_names
        Full names of the functions that the pickle may call.
    references
        Receives every reference to data outside the pickle.

    Returns
    -------
    object
        int, float, bool, str, bytes, bytearray, None, tuples of these, and the classes above.

    Raises
    ------
    PickleError
        The bytes are damaged, or contain a call of another name, or an instruction that no tensor
        or array needs.
    """
    try:
        return _follow(stream, callable_names, [] if references is None else references)
    except PickleError:
        raise
    except (ValueError, LookupError, TypeError, EOFError, MemoryError, OverflowError) as error:
        raise PickleError(f"a damaged pickle ({error})") from None


def _follow(  # noqa: PLR0912, PLR0915 (one branch per instruction)
    stream: BinaryIO, callable_names: Container[str], references: list[Reference]
) -> Any:
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[Any, Any] = {}

    def pop_to_mark() -> tuple[Any, ...]:
        mark = marks.pop()
        items = tuple(stack[mark:])
        del stack[mark:]
        return items

    for step, (opcode, value, _) in enumerate(pickletools.genops(stream)):
        name = opcode.name
        if step > MAX_STEPS:
            raise PickleError("a pickle of many objects, such as a checkpoint")
        if name in _VALUES:
            stack.append(value)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _COLLECTIONS:
            stack.append(Collection(_COLLECTIONS[name]))
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "TUPLE":
            stack.append(pop_to_mark())
        elif name in _TUPLES:
            items = tuple(stack.pop() for _ in range(_TUPLES[name]))
            stack.append(items[::-1])
        elif name in _FILLERS:
            values = [stack.pop() for _ in range(_FILLERS[name])]
            _fill(stack[-1], values[::-1])
        elif name in _MANY_FILLERS:
            values = list(pop_to_mark())
            _fill(stack[-1], values)
        elif name == "GLOBAL":
            stack.append(Global(str(value).replace(" ", ".")))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(Global(".".join((module, attribute))))
        elif name in ("REDUCE", "NEWOBJ"):
            args, function = stack.pop(), stack.pop()
            stack.append(_call(function, args, callable_names))
        elif name == "BUILD":
            state = stack.pop()
            if isinstance(stack[-1], Call):
                stack[-1].state = state
        elif name == "BINPERSID":
            references.append(Reference(stack.pop()))
            stack.append(references[-1])
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[value] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[value])
        elif name not in _FRAMING:
            raise PickleError(f"a pickle with the instruction {name}, which no array needs")
    return stack.pop()


def _fill(collection: Any, values: list[Any]) -> None:
    """Add values to a list, or alternating keys and values to a dict."""
    if not isinstance(collection, Collection):
        return  # other objects that a pickle can fill never hold an id map
    if collection.kind == "list":
        collection.items.extend(enumerate(values, len(collection.items)))
    elif collection.kind == "dict":
        collection.items.extend(zip(values[::2], values[1::2], strict=True))


def _call(function: Any, args: Any, callable_names: Container[str]) -> Call | Collection:
    name = function.name if isinstance(function, Global) else "something computed"
    if name not in callable_names:
        raise PickleError(f"a pickle that calls {name[:60]!r} (it was not run)")
    if name == _ORDERED_DICT and args == ():
        return Collection("dict")
    return Call(name, args)
