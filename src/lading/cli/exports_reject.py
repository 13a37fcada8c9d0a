"""`lading exports reject`: refuse exports that another person has asked for."""

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
    Refuse exports that wait for the word of a second person; they are cancelled.

    Example: lading exports reject exp_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "the period is wrong"
    """
    with line.client() as client:
        found = [client.exports.reject(each, reason=reason, ticket=ticket) for each in export_ids]
    output.rows(line.form, EXPORTS, found)
