"""`lading jobs replay`: do an ended job once more."""

from __future__ import annotations

import click

from lading.cli.asking import grounds
from lading.cli.job_view import show
from lading.cli.options import Line, connected


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--priority", type=click.IntRange(-100, 100), default=100, metavar="N", help="How urgent (100).")
@grounds
@connected
def command(line: Line, job_id: str, *, priority: int, reason: str, ticket: str | None) -> None:
    """
    Do a completed, dead or cancelled job once more, as a copy with an id of its own.

    Nothing of the old one changes; of an export, the copy makes a new one from the same revision and parameters.

    Example: lading jobs replay job_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "the source was corrected" --ticket OPS-17
    """
    with line.client() as client:
        show(line, client.jobs.replay(job_id, priority=priority, reason=reason, ticket=ticket))
