"""What tests of the command line share: the desk of a tenant at a running tree, and what its commands tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, TypeAlias

from lading.cli import exits
from tests.flow.conftest import Up

Desk: TypeAlias = Callable[..., CompletedProcess[str]]
WHY = ("--reason", "a drill", "--ticket", "OPS-17")


def opened(tree: Up, lading: Desk, *, slug: str, folder: Path) -> Desk:
    """Return the command line of a new tenant."""
    assert tree.token is not None
    given = {"LADING_URL": tree.url, "LADING_TOKEN": tree.token, "LADING_TENANT": slug}

    def run(*arguments: str) -> CompletedProcess[str]:
        return lading(*arguments, data_dir=folder / "none", **given)

    told(run("tenants", "create", slug, "--name", "Drill"))
    return run


def told(ran: CompletedProcess[str]) -> str:
    """Return what a command printed, which has to have done what was asked."""
    assert ran.returncode == exits.OK, ran.stderr
    return ran.stdout


def look(desk: Desk, *arguments: str) -> Any:
    """Return what a command shows as JSON."""
    return json.loads(told(desk(*arguments, "--json")))
