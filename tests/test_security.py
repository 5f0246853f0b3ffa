"""No code of this package, and no loader it uses, unpickles files."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sam2.build_sam
import torch

import pipeline

PACKAGE = Path(pipeline.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))

RUNS_DATA = {
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "dill.load",
    "joblib.load",
    "marshal.loads",
    "pandas.read_pickle",
    "yaml.unsafe_load",
    "yaml.full_load",
    "eval",
    "exec",
    "os.system",
    "torch.hub.load",
    "OmegaConf.load",
}


def calls(source: str) -> Iterator[tuple[str, dict[str, str], int]]:
    """Yield name, named arguments and line of every call."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            named = {each.arg: ast.unparse(each.value) for each in node.keywords if each.arg}
            yield ast.unparse(node.func), named, node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_of_ours_runs_data(path: Path) -> None:
    for name, named, line in calls(path.read_text()):
        where = f"{path}:{line}: {name}"
        assert name not in RUNS_DATA, where
        if name == "torch.load":
            assert named.get("weights_only") == "True", where
        if name in ("np.load", "numpy.load"):
            assert named.get("allow_pickle", "False") == "False", where
        assert named.get("shell", "False") == "False", where


def test_sam2s_own_loader_does_not_unpickle() -> None:
    loads = [named for name, named, _ in calls(inspect.getsource(sam2.build_sam)) if "load" in name]
    assert [named["weights_only"] for named in loads if "map_location" in named] == ["True"]


def test_torch_is_one_whose_careful_loader_is_careful() -> None:
    """Before 2.6 `weights_only` could be made to run code, before 2.10 to corrupt memory."""
    major, minor = (int(part) for part in torch.__version__.split(".")[:2])
    assert (major, minor) >= (2, 10)


def test_numpy_does_not_unpickle_by_default(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        np.load(tmp_path / "objects.npy")
