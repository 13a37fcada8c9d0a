"""What is installed is what was tested: the wheel holds every file of the package, SQL and schemas too."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from sources import PACKAGE, ROOT, VERIFIER, files

_BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )

    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        held = {name for name in wheel.namelist() if name.startswith(("lading/", "lading_verify/"))}
    packages = [*files(below=PACKAGE), *files(below=VERIFIER)]
    assert held == {path.relative_to(PACKAGE.parent).as_posix() for path in packages}
