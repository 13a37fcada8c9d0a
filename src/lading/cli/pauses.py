"""`lading pauses`: what is paused now or will be."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.columns import PAUSES
from lading.cli.options import Line, connected


@click.command()
@connected
def command(line: Line) -> None:
    """
    List what is paused or will be, oldest first.

    Example: lading pauses
    """
    with line.client() as client:
        output.rows(line.form, PAUSES, client.limits.pauses())
