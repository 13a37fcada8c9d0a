"""The state machine finds every bug that is put into the artifact registry: its silence means something."""

# O18
# ruff: noqa: E501 - a seeded bug is read as one line

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from psycopg.sql import SQL

from lading.artifacts.blobs import BlobStore
from lading.db import statements
from lading.db.embedded import EmbeddedServer
from lading.errors import DatabaseBusy
from tests.conftest import fresh_database
from tests.storage_machine import StorageMachine

pytestmark = pytest.mark.timeout(600)

SOURCES = Path(statements.__file__).parents[1]
UNREFERENCED = """  AND NOT EXISTS (
      SELECT FROM artifacts
      WHERE artifacts.tenant_id = objects.tenant_id AND artifacts.digest = objects.digest
        AND artifacts.object_state IS NOT NULL
  )
"""

# What is said of each is the promise that it breaks; each is one or more changes of a statement.
BUGS: dict[str, list[tuple[str, str, str, str]]] = {
    "the lock is skipped, and the second look": [
        ("artifacts", "lock_unreferenced", "FOR UPDATE SKIP LOCKED", ""),
        ("artifacts", "tombstone", UNREFERENCED, ""),
    ],
    "what is pointed at is tombstoned": [
        ("artifacts", "lock_unreferenced", UNREFERENCED, ""),
        ("artifacts", "tombstone", UNREFERENCED, ""),
    ],
    "who publishes does not wake a tombstone": [
        ("artifacts", "hold_object", "SET state = 'live',\n    tombstoned_at = NULL,\n    created_at", "SET created_at"),
    ],
    "a publisher forces his file on live content": [
        ("artifacts", "hold_object", "ELSE held.blob_key", "ELSE EXCLUDED.blob_key || '.other'"),
    ],
    "live files are deleted": [("artifacts", "tombstoned", "AND state = 'tombstoned'", "AND true")],
    "files of objects are cleared away": [("exports", "unclaimed_files", "AND objects.blob_key = given.blob_key", "AND false")],
    "files that no row knows stay": [("exports", "unclaimed_files", "WHERE NOT EXISTS (", "WHERE EXISTS (")],
    "nothing is tombstoned": [("artifacts", "lock_unreferenced", "AND state = 'live'", "AND state = 'tombstoned'")],
    "a deleted export keeps its files": [("exports", "drop_artifacts", "AND export_id = %(export_id)s::uuid", "AND false AND export_id = %(export_id)s::uuid")],
}  # fmt: skip


def no_file(self: BlobStore, key: str, name: str) -> None:
    assert self.exists(key) or name


PATCHES: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "the row comes without its file": (BlobStore, "link", no_file),
}
# DatabaseBusy: a sweep that waits for who publishes, which it must never do.
FOUND = (AssertionError, psycopg.errors.IntegrityError, LookupError, DatabaseBusy)


@pytest.fixture
def seeded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param in PATCHES:
        monkeypatch.setattr(*PATCHES[request.param])
        return
    texts: dict[tuple[str, str], str] = {}
    for package, name, old, new in BUGS[request.param]:
        known = (f"lading.{package}", name)
        text = texts.get(known) or (SOURCES / package / "queries" / f"{name}.sql").read_text("utf-8")
        assert old in text, f"{name}.sql has changed: {old!r} is not in it"
        texts[known] = text.replace(old, new)
    original = statements._load

    def load(package: str, wanted: str) -> object:
        text = texts.get((package, wanted))
        return original(package, wanted) if text is None else SQL(text)

    monkeypatch.setattr(statements, "_load", load)


@pytest.mark.parametrize("seeded", sorted([*BUGS, *PATCHES]), indirect=True)
@pytest.mark.usefixtures("seeded")
def test_the_machine_finds(server: EmbeddedServer) -> None:
    with fresh_database(server) as url:
        with psycopg.connect(url) as connection:  # the schema would refuse some of these by itself
            connection.execute("ALTER TABLE artifacts DROP CONSTRAINT artifacts_tenant_id_digest_object_state_fkey")
        machine = type("Mutant", (StorageMachine,), {"url": url})
        with pytest.raises(FOUND):
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=300,
                    stateful_step_count=40,
                    deadline=None,
                    phases=[Phase.generate],  # the first failure is enough; no time goes into making it small
                    report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck),
                    database=None,
                    derandomize=True,
                ),
            )
