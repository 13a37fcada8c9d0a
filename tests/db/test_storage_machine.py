"""Whatever workers, people and sweeps do in whatever order, what is published is there and the rest goes."""

# O18

from __future__ import annotations

import os

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.conftest import fresh_database
from tests.storage_machine import StorageMachine

from lading.db.embedded import EmbeddedServer

pytestmark = pytest.mark.timeout(600)


def test_no_published_file_is_ever_missing_and_nothing_unneeded_stays(server: EmbeddedServer) -> None:
    with fresh_database(server) as url:
        machine = type("Machine", (StorageMachine,), {"url": url})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=25,
                stateful_step_count=40,
                deadline=None,
                derandomize="CI" in os.environ,  # a new example is for who develops, not for who lands
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_the_database_itself_lets_no_artifact_point_at_a_tombstone(server: EmbeddedServer) -> None:
    with fresh_database(server) as url, psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'artifacts'::regclass AND confrelid = 'objects'::regclass"
        ).fetchall()

    assert found == [("FOREIGN KEY (tenant_id, digest, object_state) REFERENCES objects(tenant_id, digest, state)",)]
