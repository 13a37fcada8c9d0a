"""A log line is JSON, names its event, and never holds a secret."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from lading.telemetry.log import EVENTS, JsonLines

TOKEN = "ldg_01m7z15n0kear9chppyygn6n8n_MXkv_5AE51BVXv4YF1caXzK46T1nvQLbG349kgFV5D8_fb5e43f7"


def line(message: str, **fields: object) -> dict[str, object]:
    record = logging.makeLogRecord({"msg": message, "levelname": "WARNING", "name": "lading.test", **fields})
    return json.loads(JsonLines().format(record))


def test_an_event_is_one_object_with_its_fields() -> None:
    written = line("job.crashed", job="job_x", attempt=2)

    assert (written["event"], written["level"], written["job"], written["attempt"]) == (
        "job.crashed",
        "warning",
        "job_x",
        2,
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "hunter2hunter2"},
        {"admin_token": "hunter2hunter2"},
        {"reason": "postgresql://ann:hunter2hunter2@db.example.org/x refused"},
        {"reason": f"key {TOKEN.replace('MXkv_5AE51BVX', 'hunter2hunter2')} is unknown"},
        {"header": "Bearer hunter2hunter2"},
    ],
)
def test_a_secret_is_not_written(fields: dict[str, object]) -> None:  # O16
    assert "hunter2hunter2" not in json.dumps(line("x", **fields))


def test_the_trace_of_an_error_is_kept_without_its_secrets() -> None:
    try:
        raise ValueError("postgresql://ann:hunter2hunter2@db/x")
    except ValueError as error:
        written = line("job.failed", exc_info=(type(error), error, error.__traceback__))

    assert "ValueError" in str(written["trace"])
    assert "hunter2hunter2" not in str(written["trace"])


def test_every_event_that_is_logged_is_in_the_table() -> None:
    source = Path(__file__).parents[2] / "src" / "lading"
    logged = {
        name
        for path in source.rglob("*.py")
        if path.relative_to(source).parts[0]
        != "client"  # a library, which warns a program of somebody else in sentences
        for name in re.findall(r"_LOG\.[a-z]+\(\s*\"([^\"]+)\"", path.read_text("utf-8"))
    }

    assert logged == set(EVENTS)
