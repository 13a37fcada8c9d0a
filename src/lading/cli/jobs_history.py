"""`lading jobs history`: what the ledger says of a job."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.columns import HISTORY
from lading.cli.options import Line, connected


@click.command()
@click.argument("job_id", metavar="ID")
@connected
def command(line: Line, job_id: str) -> None:
    """
    Show what the ledger says of a job, oldest first.

    Example: lading jobs history job_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.history(line.form, client.jobs.history(job_id), HISTORY)
