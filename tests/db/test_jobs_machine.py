"""Whatever workers, sweeps, people and time do, the job engine keeps its promises."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.conftest import fresh_database
from tests.machine import JobsMachine

from lading.db.embedded import EmbeddedServer

EXAMPLES = 20


def test_the_engine_keeps_its_promises(server: EmbeddedServer) -> None:  # O2, O3, O4, O5, O6, O10
    with fresh_database(server) as url:
        machine = JobsMachine.on(url)
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=20,
                    deadline=None,
                    derandomize="CI" in os.environ,  # a new example is for who develops, not for who lands
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            machine.close()
