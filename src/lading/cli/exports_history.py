"""`lading exports history`: what the ledger says of an export."""

from __future__ import annotations

import click

from lading.cli import completing, output
from lading.cli.columns import HISTORY
from lading.cli.options import Line, connected


@click.command()
@click.argument("export_id", metavar="ID", shell_complete=completing.exports)
@connected
def command(line: Line, export_id: str) -> None:
    """
    Show what the ledger says of an export, oldest first.

    Example: lading exports history exp_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.history(line.form, client.exports.history(export_id), HISTORY)
