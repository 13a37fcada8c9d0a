"""docs/how-to/runs.md is true: a run of two exports and what joins them is made, drawn, replayed and stopped."""

# O8

from __future__ import annotations

import itertools
import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from lading.cli import exits
from lading.db.embedded import EmbeddedServer
from tests.flow.conftest import Up, start
from tests.flow.organisation import PROFILE, make_source

pytestmark = pytest.mark.timeout(600)

Desk = Callable[..., CompletedProcess[str]]
_NUMBERS = itertools.count(1)
_PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "runs.md"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    tree = start(data_dir=tmp_path_factory.mktemp("up") / "data")
    yield tree
    tree.stop(signal.SIGTERM)


@pytest.fixture
def desk(
    tree: Up, lading: Desk, server: EmbeddedServer, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Desk:
    """The command line of a tenant with a source and an active profile."""
    assert tree.token is not None
    slug = f"runs-{next(_NUMBERS)}"
    name = slug.replace("-", "_")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    papers = make_source(server.url(name), tmp_path_factory.mktemp("source"))
    credentials = tmp_path / "credentials"
    credentials.touch(mode=0o600)
    credentials.write_text(server.url(name))
    document = {"name": "visits", "credentials_ref": f"file:{credentials}", "attachments_ref": f"file:{papers}"}
    (tmp_path / "source.json").write_text(json.dumps(document))
    (tmp_path / "profile.json").write_text(json.dumps(PROFILE))
    given = {"LADING_URL": tree.url, "LADING_TOKEN": tree.token, "LADING_TENANT": slug}

    def run(*arguments: str) -> CompletedProcess[str]:
        return lading(*arguments, data_dir=tmp_path / "cli", **given)

    _told(run("tenants", "create", slug, "--name", "Runs"))
    _told(run("sources", "apply", str(tmp_path / "source.json")))
    _told(run("profiles", "apply", str(tmp_path / "profile.json"), "--activate"))
    return run


def _told(ended: CompletedProcess[str]) -> str:
    assert ended.returncode == exits.OK, ended.stderr
    return ended.stdout


def _look(desk: Desk, *arguments: str) -> Any:
    return json.loads(_told(desk(*arguments, "--json")))


def _definition(folder: Path) -> Path:
    """Return the file that the page shows."""
    shown = re.search(r"```yaml\n(.*?)```", _PAGE.read_text("utf-8"), re.DOTALL)
    assert shown is not None
    path = folder / "quarter.yaml"
    path.write_text(shown[1])
    return path


def test_two_exports_and_what_joins_them_are_made_drawn_and_replayed(desk: Desk, tmp_path: Path) -> None:
    made = _look(desk, "runs", "create", str(_definition(tmp_path)))
    ended = _look(desk, "runs", "wait", made["id"], "--timeout", "200")

    assert (ended["state"], ended["counts"], ended["percent"]) == ("completed", {"completed": 3}, 100.0)
    exports = _look(desk, "exports", "list")
    assert [export["status"] for export in exports] == ["completed", "completed"]
    path = _look(desk, "runs", "critical-path", made["id"])
    assert path["nodes"][-1]["key"] == "both"
    assert {node["basis"] for node in path["nodes"]} == {"real"}
    *others, both = _look(desk, "runs", "gantt", made["id"])["bars"]
    assert all(bar["end_seconds"] <= both["start_seconds"] for bar in others)
    assert "both  ← north, south" in _told(desk("runs", "dag", made["id"]))
    assert _told(desk("runs", "dag", made["id"], "--format", "mermaid")).startswith("flowchart LR")
    assert len(_look(desk, "runs", "nodes", made["id"], "--state", "completed")) == 3

    again = _look(desk, "runs", "replay", made["id"], "--from", "north", "--reason", "rows were added")
    ended = _look(desk, "runs", "wait", again["id"], "--timeout", "200")

    assert (ended["state"], ended["replay_of"], ended["counts"]) == (
        "completed",
        made["id"],
        {"completed": 2, "kept": 1},
    )
    assert len(_look(desk, "exports", "list")) == 3
    assert desk("runs", "replay", made["id"], "--failed", "--reason", "none").returncode == exits.USAGE


def test_a_run_that_is_held_back_is_cancelled(desk: Desk, tmp_path: Path) -> None:
    pause = _look(desk, "pause", "kind", "noop", "--reason", "maintenance")
    nodes = [{"key": "a", "kind": "noop"}, {"key": "b", "kind": "noop", "parents": ["a"]}]
    (tmp_path / "held.json").write_text(json.dumps({"name": "held", "nodes": nodes}))
    held = _look(desk, "runs", "create", str(tmp_path / "held.json"))

    _told(desk("runs", "cancel", held["id"], "--reason", "started by mistake", "--ticket", "OPS-21"))
    ended = desk("runs", "wait", held["id"], "--timeout", "60", "--json")

    assert ended.returncode == exits.EXPORT_FAILED
    assert json.loads(ended.stdout)["counts"] == {"cancelled": 2}
    assert _look(desk, "runs", "list", "--state", "cancelled")[0]["id"] == held["id"]
    _told(desk("resume", pause["id"], "--reason", "over"))
