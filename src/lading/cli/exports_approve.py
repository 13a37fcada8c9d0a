"""`lading exports approve`: let exports run that another person has asked for."""

from __future__ import annotations

from collections.abc import Sequence

import click

from lading.cli import output
from lading.cli.asking import grounds
from lading.cli.columns import EXPORTS
from lading.cli.options import Line, connected


@click.command()
@click.argument("export_ids", metavar="ID...", nargs=-1, required=True)
@grounds
@connected
def command(line: Line, export_ids: Sequence[str], reason: str, ticket: str | None) -> None:
    """
    Let exports run that wait for the word of a second person.

    Example: lading exports approve exp_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "agreed with the board"
    """
    with line.client() as client:
        found = [client.exports.approve(each, reason=reason, ticket=ticket) for each in export_ids]
    output.rows(line.form, EXPORTS, found)
