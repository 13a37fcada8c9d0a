"""docs/how-to/limits.md is true: what an operator holds back waits and says for what, and goes on when it may."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import psycopg
import pytest

from lading.cli import exits
from lading.db.embedded import EmbeddedServer
from tests.flow.conftest import Up, start
from tests.flow.organisation import PROFILE, make_source

pytestmark = pytest.mark.timeout(600)

Desk = Callable[..., CompletedProcess[str]]
_NUMBERS = itertools.count(1)
_LOOKS = 60


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    tree = start(data_dir=tmp_path_factory.mktemp("up") / "data")
    yield tree
    tree.stop(signal.SIGTERM)


@pytest.fixture(scope="module")
def source(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The address of a database that stands for the customer's system, and the directory of its papers."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE limits_source")
    url = server.url("limits_source")
    return url, make_source(url, tmp_path_factory.mktemp("source"))


@pytest.fixture
def credentials(source: tuple[str, Path], tmp_path: Path) -> Path:
    file = tmp_path / "credentials"
    file.touch(mode=0o600)
    file.write_text(source[0])
    return file


@pytest.fixture
def desk(tree: Up, lading: Desk, source: tuple[str, Path], credentials: Path, tmp_path: Path) -> Desk:
    """The command line of a tenant with a source and an active profile."""
    assert tree.token is not None
    slug = f"held-{next(_NUMBERS)}"
    given = {"LADING_URL": tree.url, "LADING_TOKEN": tree.token, "LADING_TENANT": slug}
    document = {"name": "visits", "credentials_ref": f"file:{credentials}", "attachments_ref": f"file:{source[1]}"}
    (tmp_path / "source.json").write_text(json.dumps(document))
    (tmp_path / "profile.json").write_text(json.dumps(PROFILE))

    def run(*arguments: str) -> CompletedProcess[str]:
        return lading(*arguments, data_dir=tmp_path / "none", **given)

    for arguments in (
        ("tenants", "create", slug, "--name", "Held back"),
        ("sources", "apply", str(tmp_path / "source.json")),
        ("profiles", "apply", str(tmp_path / "profile.json"), "--activate"),
    ):
        _told(run(*arguments))
    return run


def _told(ran: CompletedProcess[str]) -> str:
    assert ran.returncode == exits.OK, ran.stderr
    return ran.stdout


def _asked(desk: Desk) -> str:
    return _told(desk("exports", "run", "visits", "--period", "2025", "--format", "csv", "--detach")).strip()


def _look(desk: Desk, *arguments: str) -> Any:
    return json.loads(_told(desk(*arguments, "--json")))


def _waits(desk: Desk, export_id: str, why: str) -> dict[str, Any]:
    """Return the export when it says that it waits for `why`: nobody sends a signal when a claim passes it by."""
    for _ in range(_LOOKS):
        export = _look(desk, "exports", "get", export_id)
        if export["waiting_for"] == why:
            return export
        assert export["status"] == "pending", export
    raise AssertionError(f"it waits for {export['waiting_for']}")


def _completes(desk: Desk, export_id: str) -> None:
    assert json.loads(_told(desk("exports", "wait", export_id, "--json")))["status"] == "completed"


def test_what_a_pause_holds_back_waits_visibly_and_goes_on_when_it_is_lifted(desk: Desk) -> None:  # O10
    paused = _look(desk, "pause", "source", "visits", "--reason", "index is rebuilt", "--ticket", "OPS-17")
    export_id = _asked(desk)

    assert _waits(desk, export_id, "pause")["status"] == "pending"
    (held,) = _look(desk, "throttles", "list")
    assert (held["source"], held["waiting_for"], held["pending"]) == ("visits", "pause", 1)
    (job,) = _look(desk, "jobs", "list", "--source", "visits")
    assert (job["subject"], job["waiting_for"]) == (export_id, "pause")
    (listed,) = _look(desk, "pauses")
    assert (listed["id"], listed["ticket"]) == (paused["id"], "OPS-17")

    _told(desk("resume", paused["id"], "--reason", "index is there"))

    _completes(desk, export_id)
    assert _look(desk, "pauses") == []


def test_a_quota_of_none_lets_nothing_start_until_it_is_dropped(desk: Desk) -> None:  # O6
    _told(desk("quotas", "set", "export", "--max-active", "0", "--reason", "the disk is full"))
    export_id = _asked(desk)
    _waits(desk, export_id, "quota")

    _told(desk("quotas", "drop", "export", "--reason", "it has room again"))

    _completes(desk, export_id)


def _learnt(desk: Desk) -> dict[str, Any]:
    """Return the rate limit that came with a 429: nobody sends a signal when a source complains."""
    for _ in range(_LOOKS):
        if found := _look(desk, "throttles", "limits"):
            return found[0]
    raise AssertionError("no rate limit was learnt")


def test_a_source_without_a_free_connection_is_called_less_and_loses_no_attempt(
    desk: Desk, server: EmbeddedServer, credentials: Path
) -> None:  # O4, O5
    with psycopg.connect(server.url("limits_source"), autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest' CONNECTION LIMIT 0")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
        credentials.write_text(server.url("limits_source", user="guest", password="guest"))
        export_id = _asked(desk)

        limit = _learnt(desk)
        (job,) = _look(desk, "jobs", "list", "--source", "visits")
        attempt = _look(desk, "jobs", "get", job["id"])["attempts"][0]
        connection.execute("ALTER ROLE guest CONNECTION LIMIT -1")

    _completes(desk, export_id)
    assert (limit["source"], limit["is_learnt"]) == ("visits", True)
    assert 0 < limit["factor"] <= 0.5  # halved, and again if it was refused once more before we looked
    assert (attempt["outcome"], job["failures"]) == ("snoozed", 0)
    assert _look(desk, "throttles", "lift", "visits", "--reason", "it has room again") == {"lifted": "visits"}


def test_an_announced_window_says_until_when_it_lasts(desk: Desk) -> None:  # O10
    paused = _look(desk, "pause", "kind", "export", "--for", "2h", "--reason", "monthly maintenance")
    export_id = _asked(desk)

    held = _waits(desk, export_id, "blackout")
    cancelled = desk("exports", "cancel", export_id, "--reason", "not this month")

    assert held["eligible_at"][:19] == paused["ends_at"][:19]
    assert cancelled.returncode == exits.OK


def test_a_dead_letter_is_found_counted_requeued_and_completes(desk: Desk, credentials: Path) -> None:  # O12
    good = credentials.read_text()
    credentials.write_text(good.replace("lading:", "nobody:", 1))
    export_id = _asked(desk)
    assert desk("exports", "wait", export_id).returncode == exits.EXPORT_FAILED

    (cluster,) = _look(desk, "deadletters", "clusters")
    (letter,) = _look(desk, "deadletters", "list", "--fingerprint", cluster["fingerprint"])
    assert (letter["subject"], letter["code"], cluster["count"]) == (export_id, "source-refused", 1)
    assert _look(desk, "deadletters", "health") == {"open": 1, "level": "ok"}

    credentials.write_text(good)
    which = ("--fingerprint", cluster["fingerprint"], "--reason", "password renewed")
    tried = _look(desk, "deadletters", "requeue", *which, "--dry-run")
    requeued = _look(desk, "deadletters", "requeue", *which, "--yes")

    assert (tried["matched"], tried["done"]) == (1, 0)
    assert (requeued["matched"], requeued["done"]) == (1, 1)
    _completes(desk, export_id)
    assert _look(desk, "deadletters", "show", letter["job"])["state"] == "requeued"
    assert desk("deadletters", "requeue", letter["job"], "--reason", "again").returncode == exits.CONFLICT
