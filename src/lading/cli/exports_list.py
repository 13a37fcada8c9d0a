"""`lading exports list`: exports, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import click

from lading.cli import output
from lading.cli.columns import EXPORTS
from lading.cli.options import Line, connected

_STATUS = ("pending", "running", "completed", "failed", "cancelled", "expired")


@click.command()
@click.option("--status", multiple=True, type=click.Choice(_STATUS), help="Only these; repeat it.")
@click.option("--profile", metavar="NAME", help="Only of this profile.")
@click.option("--format", "format_", metavar="FORMAT", help="Only in this format.")
@click.option("--waiting", type=click.Choice(["approval"]), help="Only what waits for the word of a second person.")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def command(
    line: Line, *, status: Sequence[str], profile: str | None, format_: str | None, waiting: str | None, limit: int
) -> None:
    """
    List exports, newest first.

    Example: lading exports list --status failed --limit 10
    """
    with line.client() as client:
        listed = client.exports.list(status=status, profile=profile, format=format_, waiting_for=waiting)
        found = list(islice(listed, limit))
    output.rows(line.form, EXPORTS, found)
