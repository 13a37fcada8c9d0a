"""`lading exports get`: one export."""

from __future__ import annotations

import click

from lading.cli import completing, output
from lading.cli.columns import EXPORT
from lading.cli.options import Line, connected


@click.command()
@click.argument("export_id", metavar="ID", shell_complete=completing.exports)
@connected
def command(line: Line, export_id: str) -> None:
    """
    Show one export.

    Example: lading exports get exp_01ke2m0v8ye6h9y3v4n5p6q7r8 --json
    """
    with line.client() as client:
        output.facts(line.form, client.exports.get(export_id), EXPORT)
