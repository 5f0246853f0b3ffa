"""The list of formats has every module of its folder."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.exchange import formats
from pipeline.exchange.formats import FORMATS, Listed, find_format, find_reader

MODULES = {path.stem for path in Path(formats.__file__).parent.glob("*.py")}


def test_every_module_is_listed_once() -> None:
    assert sorted(each.module for each in FORMATS) == sorted(MODULES - {"__init__", "form"})


@pytest.mark.parametrize("listed", FORMATS, ids=lambda listed: listed.module)
def test_a_module_has_what_the_list_says(listed: Listed) -> None:
    module = import_module(f"{formats.__name__}.{listed.module}")
    assert hasattr(module, "EXPORT") == (listed.exported_as is not None)
    assert hasattr(module, "read") == (listed.imported_as is not None)
    if listed.exported_as:
        assert find_format(listed.exported_as).name == listed.exported_as
    if listed.imported_as:
        assert find_reader(listed.imported_as) is module.read


@pytest.mark.parametrize("find", [find_format, find_reader])
def test_a_name_that_is_none_is_answered_with_all_there_are(find) -> None:
    with pytest.raises(ConfigError, match=r"'yolo'; expected one of coco.*cvat, labelme"):
        find("yolo")


def test_the_names_cost_no_import_of_a_format() -> None:
    words = "import sys; import pipeline.cli; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
