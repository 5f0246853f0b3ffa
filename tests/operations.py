"""Count what torch does in a piece of work, and what an accelerator would have to wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline.refinement.borders import claimed, place, primitives

WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "equal", "bincount")
"""Operations whose results the program has to know before it goes on: values or sizes."""
VIEWS = (
    *("view", "_unsafe_view", "_reshape_alias", "as_strided", "expand", "alias", "detach"),
    *("slice", "select", "permute", "transpose", "t", "unsqueeze", "squeeze", "unfold"),
    *("split", "unbind", "empty", "empty_like", "new_empty", "lift_fresh"),
)
"""Operations for which an accelerator starts no kernel."""


class Operations(TorchDispatchMode):
    """Count the operations that torch carries out, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    @property
    def kernels(self) -> int:
        """Number of operations that do anything to values."""
        return sum(n for name, n in self.counts.items() if name not in VIEWS)

    @property
    def waits(self) -> int:
        """Number of operations that an accelerator's queue has to be emptied for."""
        return sum(self.counts[name] for name in (*WAITS, "tolist", "masks"))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func.overloadpacket._qualified_op_name.split("::")[1]
        self.counts[name] += 1
        if name in ("index", "index_put_", "_index_put_impl_"):
            # An index of bools becomes one of places, as many as there are True entries.
            masks = [i for i in args[1] if i is not None and i.dtype == torch.bool]
            self.counts["masks"] += len(masks)
        return func(*args, **(kwargs or {}))


@contextmanager
def as_on_a_device() -> Iterator[Operations]:
    """Do everything in torch's way on the CPU, as on any other device, and count it."""
    counted = Operations()
    to_list = torch.Tensor.tolist

    def tolist(values: torch.Tensor) -> list[Any]:
        counted.counts["tolist"] += 1
        found: list[Any] = to_list(values)
        return found

    with pytest.MonkeyPatch.context() as patch, counted:
        patch.setattr(primitives, "numpy_serves", lambda _: False)
        patch.setattr(torch.Tensor, "tolist", tolist)
        for module in claimed, place:
            patch.setattr(module, "AT_ONCE", {})
        yield counted
