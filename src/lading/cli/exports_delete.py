"""`lading exports delete`: delete the files of ended exports."""

from __future__ import annotations

from collections.abc import Sequence

import click

from lading.cli import output
from lading.cli.asking import confirm
from lading.cli.options import Line, connected


@click.command()
@click.argument("export_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
def command(line: Line, export_ids: Sequence[str], yes: bool) -> None:
    """
    Delete the files of ended exports; what the ledger says of them stays.

    Example: lading exports delete exp_01ke2m0v8ye6h9y3v4n5p6q7r8 --yes
    """
    confirm(f"Delete the files of {', '.join(export_ids)}?", yes=yes)
    with line.client() as client:
        for each in export_ids:
            client.exports.delete(each)
            output.talk(f"{each} deleted")
    if line.is_json:
        output.document({"deleted": list(export_ids)})
