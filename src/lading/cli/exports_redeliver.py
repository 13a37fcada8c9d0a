"""`lading exports redeliver`: bring a package to a destination once more."""

from __future__ import annotations

import click

from lading.cli import completing, output
from lading.cli.asking import grounds
from lading.cli.columns import DELIVERIES
from lading.cli.options import Line, connected


@click.command()
@click.argument("export_id", metavar="ID", shell_complete=completing.exports)
@click.argument("destination")
@grounds
@connected
def command(line: Line, export_id: str, destination: str, *, reason: str, ticket: str | None) -> None:
    """
    Bring the package of a completed export to DESTINATION, once more or for the first time.

    Example: lading exports redeliver exp_01ke2m0v8ye6h9y3v4n5p6q7r8 archive --reason "the disk is back"
    """
    with line.client() as client:
        made = client.destinations.redeliver(export_id, destination, reason=reason, ticket=ticket)
        output.facts(line.form, made, DELIVERIES)
