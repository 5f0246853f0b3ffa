import sys
from pathlib import Path

# The oracle and the drawings lie beside the tests and belong to no package.
sys.path.insert(0, str(Path(__file__).parent))
