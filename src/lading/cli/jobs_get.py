"""`lading jobs get`: one job."""

from __future__ import annotations

import click

from lading.cli.job_view import show
from lading.cli.options import Line, connected


@click.command()
@click.argument("job_id", metavar="ID")
@connected
def command(line: Line, job_id: str) -> None:
    """
    Show one job, its payload and its attempts.

    Example: lading jobs get job_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        show(line, client.jobs.get(job_id))
