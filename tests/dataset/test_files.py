from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset import files
from pipeline.dataset.files import count_marks

MARK = b"PK\x01\x02"


@given(st.lists(st.sampled_from([MARK, b"P", b"PK", b"PK\x01", b"\x00", b"K\x01\x02"])))
@pytest.mark.parametrize("piece", [1, 3, 4, 7, 1 << 20])
def test_marks_are_counted_across_pieces(piece: int, parts: list[bytes]) -> None:
    content = b"".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_PIECE", piece)
        assert count_marks(content, MARK) == content.count(MARK)


@pytest.mark.parametrize("content", [b"", b"P", b"PK\x01"])
def test_content_shorter_than_the_mark_has_none(content: bytes) -> None:
    assert count_marks(content, MARK) == 0
