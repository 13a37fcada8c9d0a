"""`lading jobs list`: jobs, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import click

from lading.cli import amounts, output
from lading.cli.columns import JOBS
from lading.cli.job_view import STATES
from lading.cli.options import Line, connected


@click.command()
@click.option("--state", multiple=True, type=click.Choice(STATES), help="Only these; repeat it.")
@click.option("--kind", metavar="KIND", help="Only of this kind.")
@click.option("--source", metavar="NAME", help="Only on this source.")
@click.option("--subject", metavar="ID", help="Only what works for this.")
@click.option("--run", metavar="ID", help="Only of this run.")
@click.option("--code", metavar="CODE", help="Only with this code of last fault.")
@click.option("--from", "begin", metavar="INSTANT", help="Only made since then, such as 2026-12-01T22:00Z.")
@click.option("--to", "end", metavar="INSTANT", help="Only made before then.")
@click.option("--quiet", type=click.IntRange(1, 525_600), metavar="MINUTES", help="Only what runs and stands still.")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def command(
    line: Line,
    *,
    state: Sequence[str],
    begin: str | None,
    end: str | None,
    quiet: int | None,
    limit: int,
    **filters: str | None,
) -> None:
    """
    List jobs, newest first, with what they wait for.

    With --quiet, only those that run and have come no step forward for so many minutes.

    Example: lading jobs list --state pending --state scheduled --source activities
    """
    made = amounts.since(begin, end)
    filters["quiet_seconds"] = None if quiet is None else str(quiet * 60)
    with line.client() as client:
        found = list(islice(client.jobs.list(state=state, **filters, **made), limit))
    output.rows(line.form, JOBS, found)
