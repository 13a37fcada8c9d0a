"""docs/how-to/audit-bundles.md is true: its commands, as they stand there, at a running Lading."""  # A2

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.client import Client
from tests.flow.conftest import Up, environment, start
from tests.flow.desks import Desk, opened, told

pytestmark = pytest.mark.timeout(600)

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "audit-bundles.md"
SLUG = "audited"
_LOOKS = 200


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    tree = start(data_dir=tmp_path_factory.mktemp("up") / "data", LADING_WORKERS="1")
    yield tree
    tree.stop(signal.SIGTERM)


def blocks() -> list[str]:
    """Return what the guide tells to run."""
    return re.findall(r"```sh\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)


def wait_for_head(desk: Desk, above: int) -> None:
    """Return when the ledger has a signed head above a size; each look is a process, which takes its time."""
    for _ in range(_LOOKS):
        if json.loads(desk("ledger", "verify", "--json").stdout or '{"size": 0}')["size"] > above:
            return
    raise AssertionError("nobody integrated the ledger")


def test_the_commands_of_the_guide_do_what_it_says(tree: Up, lading: Desk, tmp_path: Path) -> None:
    desk = opened(tree, lading, slug=SLUG, folder=tmp_path)
    export = told(desk("exports", "create", "--type", "audit_report", "--period", "2025")).strip()
    told(desk("exports", "wait", export))
    shim = tmp_path / "bin" / "lading"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lading.cli "$@"\n')
    shim.chmod(0o755)
    assert tree.token is not None
    given = {"LADING_URL": tree.url, "LADING_TOKEN": tree.token, "LADING_TENANT": SLUG}
    told_how = {**environment(tmp_path / "none", given), "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}"}
    with Client(tree.url, token=tree.token, tenant=SLUG) as client:
        wait_for_head(desk, 10)
        for block in blocks():
            script = "set -euo pipefail\n" + block.replace("exp_01…", export)
            ran = subprocess.run(
                ["bash", "-c", script], cwd=tmp_path, env=told_how, capture_output=True, text=True, check=False
            )
            assert ran.returncode == 0, f"{block}\n{ran.stdout}\n{ran.stderr}"
            wait_for_head(desk, max(bundle.end for bundle in client.bundles.list()))
        made = {bundle.id: bundle for bundle in client.bundles.list()}

    assert len(blocks()) == 6
    assert len(made) == 7
    assert {bundle.status for bundle in made.values()} == {"completed"}
    shown = json.loads(told(desk("bundle", "get", min(made), "--json")))
    assert shown["file"]["size"] == (tmp_path / "first.zip").stat().st_size
    listed = told(desk("bundle", "list"))
    assert all(bundle_id in listed for bundle_id in made)
    told(desk("bundle", "download", min(made), "--output", str(tmp_path / "again.zip")))
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "first.zip").read_bytes()
