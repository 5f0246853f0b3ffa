"""The list of containers agrees with the settings."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from pipeline.config import OutputConfig
from pipeline.dataset.formats import BY_SUFFIX, CONTAINERS, IDS_SUFFIXES, RESULT_FORMATS


def test_every_format_of_results_can_be_chosen() -> None:
    assert {*get_args(OutputConfig.model_fields["format"].annotation)} == {*RESULT_FORMATS}


def test_no_suffix_means_two_things() -> None:
    assert len(IDS_SUFFIXES) == sum(len(container.suffixes) for container in CONTAINERS)
    assert all(suffix == suffix.lower() for suffix in IDS_SUFFIXES)


@pytest.mark.parametrize("name", RESULT_FORMATS)
def test_a_note_comes_back(name: str) -> None:
    form = RESULT_FORMATS[name]
    container = BY_SUFFIX[form.suffix]
    content = form.encode(np.ones((2, 3), form.dtype), b'{"settings": "0123"}')
    assert content.startswith(container.signatures)
    assert container.read_note is not None
    assert container.read_note(content) == b'{"settings": "0123"}'
