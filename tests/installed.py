"""Lay out what a wheel holds in a folder: `python tests/installed.py FOLDER`.

The repository keeps zoo/, reports/ and suites/ at its top; an installed ganbench has them inside. mypy and
import-linter find a module by its folder, so they are shown the installed layout.
"""

import os
import shutil
import sys
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent.parent


def lay_out(folder: Path) -> None:
    """Replace the folder by one that holds `ganbench` as setuptools would put it into a wheel."""
    folder = folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)  # or files that were deleted or moved would stay
    os.chdir(ROOT)
    setup(script_args=["-q", "build_py", "--build-lib", str(folder)])


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]))
