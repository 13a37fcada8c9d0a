"""A setting that can't be right is refused at the start, in a sentence that names it and gives no secret away."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from lading import settings
from lading.db.database import unavailable
from lading.errors import EnvironmentUnfit
from lading.wiring.database import bring_forward, url_of_running


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("LADING_PORT", "abc", "LADING_PORT='abc' is not a whole number; correct or unset it."),
        ("LADING_LEASE_SECONDS", "soon", "LADING_LEASE_SECONDS='soon' is not a number; correct or unset it."),
        ("LADING_WORKERS", "0", "LADING_WORKERS=0 must be 1 to 64; correct it."),
        ("LADING_WORKERS", "65", "LADING_WORKERS=65 must be 1 to 64; correct it."),
        ("LADING_QUEUE_LIMIT", "0", "LADING_QUEUE_LIMIT=0 must be 1 to 100000000; correct it."),
        ("LADING_TENANT_QUEUE_LIMIT", "-1", "LADING_TENANT_QUEUE_LIMIT=-1 must be 1 to 100000000; correct it."),
        (
            "LADING_EXPORT_DEADLINE_SECONDS",
            "-1",
            "LADING_EXPORT_DEADLINE_SECONDS=-1 must be 0 (for ever) to 31536000; correct it.",
        ),
    ],
)
def test_the_sentence_names_the_variable_and_what_it_takes(variable: str, text: str, said: str) -> None:
    with pytest.raises(EnvironmentUnfit) as caught:
        settings.from_environment({variable: text})

    assert caught.value.message == said


@pytest.mark.parametrize("text", ["hunter2", "mysql://ann:hunter2@db/x"])
def test_what_is_no_address_of_a_database_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(EnvironmentUnfit, match="write postgresql://") as caught:
        settings.from_environment({"LADING_DATABASE_URL": text})

    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ann:hun%ter2@db/x",
        "host=db password='hunter2",
        "postgresql://ann:hun/ter2@db/x",
        "postgresql://ann:54/ter2@db/x",
        "postgresql://ann:hun@ter2@db/x",
    ],
)
def test_an_address_that_libpq_can_not_read_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(EnvironmentUnfit, match="write postgresql://") as caught:
        asyncio.run(bring_forward(text))

    assert "ter2" not in caught.value.message
    with pytest.raises(EnvironmentUnfit, match="write postgresql://"):
        url_of_running(settings.Settings(database_url=text))


def test_the_reason_is_libpqs_and_not_its_hint() -> None:
    error = psycopg.OperationalError(
        'connection to server at "127.0.0.1", port 1 failed: Connection refused\n'
        "\tIs the server running on that host and accepting TCP/IP connections?"
    )

    said = unavailable("postgresql://ann:hunter2@127.0.0.1:1/x", error).message

    assert "port 1 failed: Connection refused. Check that it runs" in said
    assert "hunter2" not in said
