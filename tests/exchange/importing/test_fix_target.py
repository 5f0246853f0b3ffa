"""Fixes as the target of an import; whole imports are in test_import_.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.fixes import counting_ids, read_fix
from pipeline.errors import FixConflict
from pipeline.exchange.exported_frames import ExportedFrame, lay_out
from pipeline.exchange.importing.fix_target import choose_fixes
from tests.fixing import fix_frame
from tests.refined import Refined, refine_by_hand
from tests.scans import blobs, write_scans

IDS = np.full((12, 17), 9, np.int32)


@pytest.fixture
def refined(tmp_path: Path) -> Refined:
    return refine_by_hand(write_scans(tmp_path, {"a": [blobs(seed=1), blobs(seed=2)]}))


def exported(refined: Refined) -> ExportedFrame:
    return next(iter(lay_out(refined.frames, refined.layout)))[0]


def test_a_fix_that_somebody_saves_during_an_import_is_not_lost(refined: Refined) -> None:
    target = choose_fixes(refined.layout, "Bo")
    frame = exported(refined)
    assert not target.holds(frame, IDS)
    fix_frame(refined.layout, frame.frame, np.full((12, 17), 4), "Ada")
    with pytest.raises(FixConflict, match="Ada"):
        target.write(frame, IDS, "0.png")
    assert np.all(counting_ids(refined.layout, frame.frame) == 4)


def test_a_damaged_fix_can_be_replaced(refined: Refined) -> None:
    target = choose_fixes(refined.layout, "Bo")
    frame = exported(refined)
    fix_frame(refined.layout, frame.frame, np.full((12, 17), 4), "Ada")
    refined.layout.fix_path(frame.frame).write_bytes(b"torn")
    assert not target.holds(frame, IDS)
    target.write(frame, IDS, "0.png")
    fix = read_fix(refined.layout, frame.frame)
    assert fix is not None
    assert (fix.author, fix.made) == ("Bo", target.made)


def test_ids_in_use_are_those_of_coarse_maps_and_fixes(refined: Refined) -> None:
    target = choose_fixes(refined.layout, None)
    largest = max(int(blobs(seed=n).max()) for n in (1, 2))
    assert target.largest_in_use(refined.frames) == largest
    fix_frame(refined.layout, refined.frames[1], np.full((12, 17), 65_535))
    assert target.largest_in_use(refined.frames) == 65_535
    assert target.largest_in_use(refined.frames[:1]) == int(blobs(seed=1).max())
