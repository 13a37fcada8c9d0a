"""`lading exports wait`: follow an export until it ends."""

from __future__ import annotations

import sys

import click

from lading.cli import completing, exits, output
from lading.cli.columns import EXPORT
from lading.cli.options import Line, connected
from lading.cli.progress import follow


@click.command()
@click.argument("export_id", metavar="ID", shell_complete=completing.exports)
@click.option("--timeout", type=float, default=600.0, metavar="SECONDS", help="How long to wait (600).")
@connected
def command(line: Line, export_id: str, timeout: float) -> int:
    """
    Follow an export until it ends; exit code 20 if it failed or was cancelled, 21 after the timeout.

    Example: lading exports wait exp_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    from lading.client import polling

    with line.client() as client:
        try:
            export = follow(client, export_id, timeout=timeout, stream=sys.stderr, is_json=line.is_json)
        except KeyboardInterrupt:
            output.tell(f"\nDetached; {export_id} goes on. Follow it again: lading exports wait {export_id}")
            return exits.INTERRUPTED
        output.facts(line.form, export, EXPORT)
        polling.completed(export)
        return exits.OK
