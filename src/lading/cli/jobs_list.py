"""`lading jobs list`: jobs, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import click

from lading.cli import output
from lading.cli.columns_work import JOBS
from lading.cli.job_view import STATES, narrowed
from lading.cli.options import Line, connected


@click.command()
@click.option("--state", multiple=True, type=click.Choice(STATES), help="Only these; repeat it.")
@narrowed
@click.option(
    "--quiet-for", "quiet", type=click.IntRange(1, 525_600), metavar="MINUTES", help="Only what runs and stands still."
)
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def command(
    line: Line,
    *,
    state: Sequence[str],
    quiet: int | None,
    limit: int,
    **filters: str | None,
) -> None:
    """
    List jobs, newest first, with what they wait for.

    With --quiet-for, only those that run and have come no step forward for so many minutes.

    Example: lading jobs list --state pending --state scheduled --source activities
    """
    filters["quiet_seconds"] = None if quiet is None else str(quiet * 60)
    with line.client() as client:
        found = list(islice(client.jobs.list(state=state, **filters), limit))
    output.rows(line.form, JOBS, found)
