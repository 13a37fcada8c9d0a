"""`lading jobs prioritise`: put a job before others, or behind them."""

from __future__ import annotations

import click

from lading.cli.asking import grounds
from lading.cli.job_view import show
from lading.cli.options import Line, connected


# A negative priority looks like an option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("job_id", metavar="ID")
@click.argument("priority", metavar="N", type=click.IntRange(-100, 100))
@grounds
@connected
def command(line: Line, job_id: str, priority: int, reason: str, ticket: str | None) -> None:
    """
    Make a waiting job more or less urgent; N is -100 to 100, higher is sooner.

    Example: lading jobs prioritise job_01ke2m0v8ye6h9y3v4n5p6q7r8 50 --reason "the deadline is today"
    """
    with line.client() as client:
        show(line, client.jobs.prioritise(job_id, priority, reason=reason, ticket=ticket))
