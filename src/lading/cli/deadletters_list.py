"""`lading deadletters list`: dead letters, newest job first."""

from __future__ import annotations

from itertools import islice

import click

from lading.cli import output
from lading.cli.columns_work import LETTERS
from lading.cli.letters import aged, bounds
from lading.cli.options import Line, connected

_STATES = ("open", "requeued", "resolved", "discarded")


@click.command()
@click.option("--state", type=click.Choice(_STATES), default="open", show_default=True, help="Only these.")
@click.option("--kind", metavar="KIND", help="Only of this kind of job.")
@click.option("--source", metavar="NAME", help="Only on this source.")
@click.option("--code", metavar="CODE", help="Only with this code of fault.")
@click.option("--fingerprint", metavar="TEXT", help="Only of this cluster.")
@aged
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def command(
    line: Line,
    *,
    limit: int,
    died_from: str | None,
    died_to: str | None,
    older_than: str | None,
    newer_than: str | None,
    **filters: str | None,
) -> None:
    """
    List dead letters, newest job first.

    Example: lading deadletters list --source activities --code source-refused --newer-than 1d
    """
    within = bounds(died_from, died_to, older_than, newer_than)
    with line.client() as client:
        found = list(islice(client.dead_letters.list(**filters, **within), limit))
    output.rows(line.form, LETTERS, found)
