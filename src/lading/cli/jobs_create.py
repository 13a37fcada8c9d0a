"""`lading jobs create`: make a job."""

from __future__ import annotations

import datetime
import json
from typing import Any

import click

from lading.cli import amounts
from lading.cli.job_view import show
from lading.cli.options import Line, connected
from lading.errors import InvalidInput


@click.command()
@click.argument("kind")
@click.option("--payload", metavar="JSON", default="{}", help="What the kind needs, as a JSON object.")
@click.option("--source", metavar="NAME", default="", help="The source it calls.")
@click.option("--subject", metavar="ID", help="What it works for: an id, no prose.")
@click.option("--priority", type=click.IntRange(-100, 100), default=0, metavar="N", help="-100 to 100 (0).")
@click.option("--at", "begin", metavar="INSTANT", help="When it may begin, such as 2026-12-01T22:00Z.")
@click.option("--in", "delay", metavar="SPAN", help="After how long it may begin: 90s, 45m, 2h or 3d.")
@click.option("--max-attempts", type=click.IntRange(1, 100), metavar="N", help="How often it is tried.")
@click.option("--deadline", metavar="SPAN", help="How long one attempt may last: 90s, 45m or 2h.")
@click.option("--idempotency-key", metavar="TEXT", help="Asked again with it, no second one is made.")
@connected
def command(
    line: Line,
    kind: str,
    *,
    payload: str,
    begin: str | None,
    delay: str | None,
    deadline: str | None,
    idempotency_key: str | None,
    **rest: Any,
) -> None:
    """
    Make a job; `lading jobs kinds` lists what may be made.

    Example: lading jobs create noop --payload '{"seconds": 5}' --source activities --deadline 1m
    """
    from lading.wire.jobs import JobRequest

    request = JobRequest(
        kind=kind,
        payload=_object(payload),
        due_at=amounts.moment(begin, delay, now=datetime.datetime.now(datetime.UTC)),
        deadline_seconds=amounts.seconds(deadline, "deadline"),
        **rest,
    )
    with line.client() as client:
        show(line, client.jobs.create(request, idempotency_key=idempotency_key))


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidInput.field("payload", f"{text[:60]!r} is no JSON object; write it like '{{\"seconds\": 5}}'.")
    return found
