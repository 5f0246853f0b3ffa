from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.refined import Refined, refine_by_hand


@pytest.fixture
def refined(make_dataset: Callable[..., Path]) -> Refined:
    """Return two scenes of five frames with results of the settings `f00d`."""
    return refine_by_hand(make_dataset(scenes=2, frames=5))
