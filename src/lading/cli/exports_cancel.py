"""`lading exports cancel`: stop exports."""

from __future__ import annotations

from collections.abc import Sequence

import click

from lading.cli import output
from lading.cli.columns import EXPORTS
from lading.cli.options import Line, connected


@click.command()
@click.argument("export_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--reason", default="", metavar="TEXT", help="Why; it goes into the ledger.")
@connected
def command(line: Line, export_ids: Sequence[str], reason: str) -> None:
    """
    Stop pending or running exports; a running one ends at its next checkpoint.

    Example: lading exports cancel exp_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "wrong period"
    """
    with line.client() as client:
        output.rows(line.form, EXPORTS, [client.exports.cancel(each, reason=reason) for each in export_ids])
