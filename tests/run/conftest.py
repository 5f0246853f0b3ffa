import sys
from pathlib import Path

# The tables of bad files lie beside the tests of their readers and belong to no package.
sys.path.insert(0, str(Path(__file__).parents[1] / "dataset"))
