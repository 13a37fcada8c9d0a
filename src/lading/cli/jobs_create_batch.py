"""`lading jobs create-batch`: make many jobs."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lading.cli import output
from lading.cli.documents import text_of
from lading.cli.options import Line, connected
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.wire.jobs import JobRequest

_MOST_BYTES = 16 << 20


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--idempotency-key", metavar="TEXT", help="Asked again with it, no second ones are made.")
@connected
def command(line: Line, file: Path, idempotency_key: str | None) -> None:
    """
    Make up to 1000 jobs from FILE (- reads standard input): a JSON list, or one JSON object on each line.

    All of them are made, or none when one is wrong.
    The fields: kind, payload, source, priority, due_at, max_attempts, deadline_seconds, subject.

    Example: lading jobs create-batch jobs.ndjson --idempotency-key tonight
    """
    requests = _requests(text_of(file, most_bytes=_MOST_BYTES))
    with line.client() as client:
        made = client.jobs.create_batch(requests, idempotency_key=idempotency_key)
    output.rows(line.form, {"id": "id"}, [{"id": each} for each in made])


def _requests(text: str) -> list[JobRequest]:
    from lading.wire.jobs import JobRequest

    known = [each.name for each in fields(JobRequest)]
    made: list[JobRequest] = []
    for number, each in enumerate(_documents(text), start=1):
        unknown = sorted(set(each) - set(known)) if isinstance(each, dict) else []
        if not isinstance(each, dict) or unknown or "kind" not in each:
            odd = f"has an unknown field {unknown[0][:60]!r}" if unknown else "is no object with a kind"
            raise InvalidInput(f"Job {number} {odd}; the fields are {', '.join(known)}.")
        made.append(JobRequest(**each))
    if not made:
        raise InvalidInput("There is no job in it.")
    return made


def _documents(text: str) -> list[Any]:
    try:
        if text.lstrip().startswith("["):
            return list(json.loads(text))
        return [json.loads(each) for each in text.splitlines() if each.strip()]
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"It is neither a JSON list nor a JSON object on each line: {error}.") from None
