"""`lading jobs cancel`: stop a job."""

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
    Cancel a job that waits, ask a running one to stop; the export it works for ends with it.

    Example: lading jobs cancel job_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "asked for twice"
    """
    with line.client() as client:
        show(line, client.jobs.cancel(job_id, reason=reason, ticket=ticket))
