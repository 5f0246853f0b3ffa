"""Every notebook runs from top to bottom, and none is stored with outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools import need_module

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path) -> None:
    for needed in ("nbclient", "ipywidgets", "matplotlib"):
        need_module(needed, extra="notebook")
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert pictures, "a notebook shows something"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_without_outputs(path: Path) -> None:
    cells = json.loads(path.read_bytes())["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
