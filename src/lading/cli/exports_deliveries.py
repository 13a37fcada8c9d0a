"""`lading exports deliveries`: where the package of an export is, or is on its way to."""

from __future__ import annotations

import click

from lading.cli import completing, output
from lading.cli.columns import DELIVERIES
from lading.cli.options import Line, connected


@click.command()
@click.argument("export_id", metavar="ID", shell_complete=completing.exports)
@connected
def command(line: Line, export_id: str) -> None:
    """
    List where the package of an export is, or is on its way to.

    Example: lading exports deliveries exp_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.rows(line.form, DELIVERIES, client.destinations.deliveries(export_id))
