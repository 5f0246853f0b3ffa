"""A stream of the GPU for each thread beside the model's.

Kernels of one stream run one after another. In the model's own stream, each of the many small
kernels that refine a frame would wait for whole images to be encoded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_FIRST = -1
"""Priority of kernels that go before the model's: they are small, and a thread waits for them."""

_of_thread = threading.local()


@contextmanager
def beside_the_model() -> Iterator[None]:
    """Enter this thread's own stream, if the process uses a GPU.

    What the block takes from the model has to be computed by then, and what it makes has to be
    copied from the device before it ends; so nothing is used in two streams at once.
    """
    if not torch.cuda.is_initialized():
        yield
        return
    if not hasattr(_of_thread, "stream"):
        _of_thread.stream = torch.cuda.Stream(priority=_FIRST)
    with torch.cuda.stream(_of_thread.stream):
        yield
