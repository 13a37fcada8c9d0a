"""`pip install lading` brings what the client needs and nothing else: client and commands run on that alone."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from sources import ROOT

_BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
SERVER_SIDE = {"demo", "doctor", "ledger_local", "migrate", "server", "signing_keys", "up", "worker"}
PROGRAM = """
import sys
wheel, barred = sys.argv[1], set(sys.argv[2].split(","))
class Bar:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in barred:
            raise ImportError(f"{name} comes with the server only")
sys.meta_path.insert(0, Bar())
sys.path.insert(0, wheel)
import importlib, pkgutil
import lading
assert lading.__file__.startswith(wheel), lading.__file__
import lading.client, lading.wire, lading.cli
for package in (lading.client, lading.wire, lading.cli):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if found.name.rpartition(".")[2] not in {"__main__"} | set(sys.argv[3].split(",")):
            importlib.import_module(found.name)
for arguments in (["--help"], ["exports", "batch", "--help"], ["verify", "--help"], ["version"]):
    assert lading.cli.run(arguments) == 0
with lading.client.Client("http://127.0.0.1:9", journal=None, patience=__import__(
        "lading.client.retries", fromlist=["Retries"]).Retries(most=0)) as client:
    try:
        client.exports.page()
    except lading.errors.ServerUnreachable:
        print("spoke")
"""


def _needed(name: str, found: set[str]) -> set[str]:
    """Add to `found` the distribution and whatever it needs without extras."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key not in found:
        found.add(key)
        for line in distribution(name).requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                _needed(needed.name, found)
    return found


def test_client_and_commands_run_on_what_the_wheel_asks_for(tmp_path: Path) -> None:  # C1
    built = subprocess.run(
        [sys.executable, "-c", _BUILD, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wheel = tmp_path / built.stdout.split()[-1]
    with zipfile.ZipFile(wheel) as file:
        name = next(each for each in file.namelist() if each.endswith("METADATA"))
        asked = Parser().parsestr(file.read(name).decode()).get_all("Requires-Dist") or []
    plain = {Requirement(line).name for line in asked if "extra ==" not in line}
    allowed: set[str] = set()
    for each in plain:
        _needed(each, allowed)
    barred = {
        module
        for module, owners in packages_distributions().items()
        if module.isidentifier()
        and not {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners} & (allowed | {"lading"})
    }

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(wheel), ",".join(sorted(barred)), ",".join(sorted(SERVER_SIDE))],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={"PATH": "", "HOME": str(tmp_path)},
    )  # fmt: skip

    assert plain == {"click", "cryptography", "httpx2", "rich"}
    assert {"psycopg", "fastapi", "pyarrow", "yaml", "polars"} <= barred
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.endswith("spoke\n")
