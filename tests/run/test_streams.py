from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import torch

from pipeline.run.streams import beside_the_model

THREADS = 2


def test_each_thread_has_a_stream_of_its_own_where_there_is_a_gpu() -> None:
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.init()
    together = Barrier(THREADS)

    def streams() -> list[int]:
        seen = []
        for _ in range(2):
            together.wait()
            with beside_the_model():
                seen.append(torch.cuda.current_stream().cuda_stream if has_gpu else 0)
        return seen

    with ThreadPoolExecutor(THREADS) as threads:
        of_threads = [
            future.result() for future in [threads.submit(streams) for _ in range(THREADS)]
        ]
    assert torch.cuda.is_initialized() == has_gpu
    assert all(len(set(seen)) == 1 for seen in of_threads)
    if has_gpu:
        used = {seen[0] for seen in of_threads}
        assert len(used) == THREADS
        assert torch.cuda.current_stream().cuda_stream not in used
