"""`lading exports list`: exports by filter, newest first or in another order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import click

from lading.cli import output
from lading.cli.columns import EXPORTS
from lading.cli.options import Line, connected

_STATUS = ("pending", "running", "completed", "failed", "cancelled", "expired")
_SORTS = ("-created", "created", "-period", "period", "-profile", "profile")


@click.command()
@click.option("--status", multiple=True, type=click.Choice(_STATUS), help="Only these; repeat it.")
@click.option("--profile", metavar="NAME", help="Only of this profile.")
@click.option("--type", metavar="NAME", help="Only of this type.")
@click.option("--format", metavar="FORMAT", help="Only in this format.")
@click.option("--from", "period_from", metavar="DAY", help="Whose period ends on this day or later.")
@click.option("--to", "period_to", metavar="DAY", help="Whose period begins on this day or earlier.")
@click.option("--text", "q", metavar="TEXT", help="With this in profile, type, parameters, destination or error.")
@click.option("--destination", metavar="NAME", help="That go, or went, there.")
@click.option("--schedule", metavar="ID", help="That this schedule made.")
@click.option("--requested-by", metavar="ID", help="That this key or member asked for.")
@click.option("--held/--not-held", "held", default=None, help="That a legal hold keeps, or that none does.")
@click.option("--created-from", metavar="INSTANT", help="Asked for at this instant or later.")
@click.option("--created-to", metavar="INSTANT", help="Asked for before this instant.")
@click.option(
    "--waiting", "waiting_for", type=click.Choice(["approval"]), help="Only what waits for the word of a second person."
)
@click.option("--sort", type=click.Choice(_SORTS), default="-created", help="In this order (-created).")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def command(line: Line, *, status: Sequence[str], held: bool | None, limit: int, **filters: str | None) -> None:
    """
    List exports, newest first.

    Example: lading exports list --status failed --text timeout --limit 10
    """
    kept = None if held is None else str(held).lower()
    with line.client() as client:
        found = list(islice(client.exports.list(status=status, held=kept, **filters), limit))
    output.rows(line.form, EXPORTS, found)
