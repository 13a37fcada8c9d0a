"""Build the offline verifier into a folder: `lading-verify.pyz`, one file that Python runs, and the wheel."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

from hatchling.build import build_wheel

_HERE = Path(__file__).resolve().parent
_SOURCE = _HERE.parent / "src" / "lading_verify"
_MAIN = b"import sys\nfrom lading_verify.__main__ import main\nsys.exit(main())\n"


def program(path: Path) -> None:
    """Write the verifier as one file; the same bytes each time."""
    modules = {f"lading_verify/{each.name}": each.read_bytes() for each in sorted(_SOURCE.glob("*.py"))}
    with path.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w") as packed:
            for name, data in {"__main__.py": _MAIN, **modules}.items():
                packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    path.chmod(0o755)


def wheel(folder: Path) -> str:
    """Build the wheel of the distribution and return its name."""
    os.chdir(_HERE)
    return build_wheel(str(folder))


def main() -> None:
    """Build both."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    program(folder / "lading-verify.pyz")
    for name in ("lading-verify.pyz", wheel(folder)):
        print(folder / name)


if __name__ == "__main__":
    main()
