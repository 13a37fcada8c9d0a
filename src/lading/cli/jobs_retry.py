"""`lading jobs retry`: let a job run now."""

from __future__ import annotations

import click

from lading.cli.asking import grounds
from lading.cli.job_view import show
from lading.cli.options import Line, connected


@click.command()
@click.argument("job_id", metavar="ID")
@grounds
@connected
def command(line: Line, job_id: str, reason: str, ticket: str | None) -> None:
    """
    Let a job that waits for its time or its retry run now; requeue one that is dead, under its id.

    Example: lading jobs retry job_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "the source is back"
    """
    with line.client() as client:
        show(line, client.jobs.retry(job_id, reason=reason, ticket=ticket))
