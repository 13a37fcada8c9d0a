"""`lading exports retry`: let failed exports go on."""

from __future__ import annotations

from collections.abc import Sequence

import click

from lading.cli import output
from lading.cli.columns import EXPORTS
from lading.cli.options import Line, connected


@click.command()
@click.argument("export_ids", metavar="ID...", nargs=-1, required=True)
@connected
def command(line: Line, export_ids: Sequence[str]) -> None:
    """
    Let failed exports go on at the stage they stopped in.

    Example: lading exports retry exp_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.rows(line.form, EXPORTS, [client.exports.retry(each) for each in export_ids])
