from __future__ import annotations

import pickle

from pipeline.errors import AutoRefinerError, FrameError, IdMapError


def test_a_frame_error_names_file_found_expected_and_remedy() -> None:
    error = IdMapError("a/b.pth", "a dict", "an (H, W) map", "Export it again")
    assert str(error) == "a/b.pth: found a dict; expected an (H, W) map. Export it again"
    assert isinstance(error, FrameError)
    assert isinstance(error, AutoRefinerError)


def test_a_frame_error_survives_the_way_between_processes() -> None:
    error = IdMapError("a/b.pth", "a dict", "an (H, W) map", "Export it again")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is IdMapError
    assert str(back) == str(error)
    assert back.hint == "Export it again"
