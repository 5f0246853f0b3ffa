"""The command `autorefiner`, under a name that no other file has.

The package is called `pipeline`, and so may be a file or folder of the user's. Where Python finds
that one first, nothing of the package can run: so it is looked for from outside, before it is
imported.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

WRONG_USE = 2


def find_shadow() -> Path | None:
    """Return the file that hides the package from this process; None where nothing does."""
    spec = importlib.util.find_spec("pipeline")
    origin = Path(spec.origin).resolve() if spec and spec.origin else None
    ours = Path(__file__).resolve().parent / "pipeline" / "__init__.py"
    return None if origin in (ours, None) else origin


def main() -> None:
    """Run the command line, or say what hides it."""
    shadow = find_shadow()
    if shadow:
        is_package = shadow.name == "__init__.py"
        hidden = shadow.parent if is_package else shadow
        print(
            f"autorefiner: {hidden} hides this program's package, which is called pipeline, too: "
            f"Python looks into {hidden.parent} first, as PYTHONPATH or the working directory has "
            "it. Start from another folder, take that one off PYTHONPATH, or rename yours",
            file=sys.stderr,
        )
        sys.exit(WRONG_USE)
    from pipeline.cli import entry_point

    entry_point()


if __name__ == "__main__":
    main()
