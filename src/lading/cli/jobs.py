"""`lading jobs`: see the work behind exports, cancel it, make it more or less urgent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Final

import click

from lading.cli import output
from lading.cli.asking import grounds
from lading.cli.columns import JOB, JOBS
from lading.cli.options import Line, connected

if TYPE_CHECKING:
    from lading.wire.jobs import Attempt, JobDetail

_STATES: Final = ("blocked", "scheduled", "pending", "running", "completed", "dead", "cancelled")


@click.group()
def command() -> None:
    """
    See the work behind exports, cancel it, make it more or less urgent.

    Example: lading jobs list --state pending
    """


@command.command(name="list")
@click.option("--state", multiple=True, type=click.Choice(_STATES), help="Only these; repeat it.")
@click.option("--kind", metavar="KIND", help="Only of this kind.")
@click.option("--source", metavar="NAME", help="Only on this source.")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def list_(line: Line, state: Sequence[str], kind: str | None, source: str | None, limit: int) -> None:
    """
    List jobs, newest first, with what they wait for.

    Example: lading jobs list --state pending --state scheduled --source activities
    """
    with line.client() as client:
        found = list(islice(client.jobs.list(state=state, kind=kind, source=source), limit))
    output.rows(line.form, JOBS, found)


@command.command()
@click.argument("job_id", metavar="ID")
@connected
def get(line: Line, job_id: str) -> None:
    """
    Show one job and its attempts.

    Example: lading jobs get job_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        _show(line, client.jobs.get(job_id))


@command.command()
@click.argument("job_id", metavar="ID")
@grounds
@connected
def cancel(line: Line, job_id: str, reason: str, ticket: str | None) -> None:
    """
    Cancel a job that waits, ask a running one to stop; the export it works for ends with it.

    Example: lading jobs cancel job_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "asked for twice"
    """
    with line.client() as client:
        _show(line, client.jobs.cancel(job_id, reason=reason, ticket=ticket))


# A negative priority looks like an option.
@command.command(context_settings={"ignore_unknown_options": True})
@click.argument("job_id", metavar="ID")
@click.argument("priority", metavar="N", type=click.IntRange(-100, 100))
@grounds
@connected
def prioritise(line: Line, job_id: str, priority: int, reason: str, ticket: str | None) -> None:
    """
    Make a waiting job more or less urgent; N is -100 to 100, higher is sooner.

    Example: lading jobs prioritise job_01ke2m0v8ye6h9y3v4n5p6q7r8 50 --reason "the deadline is today"
    """
    with line.client() as client:
        _show(line, client.jobs.prioritise(job_id, priority, reason=reason, ticket=ticket))


def _show(line: Line, job: JobDetail) -> None:
    if line.is_json:
        output.document(job)
        return
    tried = {f"attempt {each.attempt}": _attempt(each) for each in job.attempts}
    output.facts(line.form, {**asdict(job), **tried}, {**JOB, **{name: name for name in tried}})


def _attempt(attempt: Attempt) -> str:
    end = f"{attempt.outcome or 'goes on'} {attempt.ended_at or ''}".strip()
    why = f": {attempt.error.message}" if attempt.error is not None else ""
    return f"{attempt.started_at} {end}{why}"
