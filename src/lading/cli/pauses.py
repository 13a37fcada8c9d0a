"""`lading pauses`: what is paused now or will be."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.columns_work import PAST_PAUSES, PAUSES
from lading.cli.options import Line, connected


@click.command()
@click.option("--over", is_flag=True, help="What is over, newest first, with who lifted it and why.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, metavar="N", help="Of these at most so many (50).")
@connected
def command(line: Line, *, over: bool, limit: int) -> None:
    """
    List what is paused or will be, oldest first.

    Example: lading pauses --over
    """
    with line.client() as client:
        if over:
            output.rows(line.form, PAST_PAUSES, client.limits.past_pauses(limit=limit).items)
        else:
            output.rows(line.form, PAUSES, client.limits.pauses())
