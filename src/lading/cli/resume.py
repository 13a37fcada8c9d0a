"""`lading resume`: lift pauses."""

from __future__ import annotations

from collections.abc import Sequence

import click

from lading.cli import output
from lading.cli.asking import grounds
from lading.cli.options import Line, connected


@click.command()
@click.argument("pause_ids", metavar="PAUSE_ID...", nargs=-1, required=True)
@grounds
@connected
def command(line: Line, pause_ids: Sequence[str], reason: str, ticket: str | None) -> None:
    """
    Let go on what was paused; `lading pauses` lists it.

    Example: lading resume pau_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "index is there"
    """
    with line.client() as client:
        for each in pause_ids:
            client.limits.resume(each, reason=reason, ticket=ticket)
            output.talk(f"{each} lifted")
    if line.is_json:
        output.document({"lifted": list(pause_ids)})
