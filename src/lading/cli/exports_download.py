"""`lading exports download`: the package of an export, or one file of it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from lading.cli import completing, exits, output
from lading.cli.delivery import check_and_tell, deliver
from lading.cli.options import Line, connected, into
from lading.cli.progress import fetch


@click.command()
@click.argument("export_id", metavar="ID", shell_complete=completing.exports)
@click.option("--file", "name", metavar="NAME", help="This file instead of the package.")
@into("Where it goes (./exports), below a folder named after the export.")
@click.option("--wait", is_flag=True, help="Wait for the end of the export first.")
@click.option("--timeout", type=float, default=600.0, metavar="SECONDS", help="How long to wait (600).")
@connected
def command(line: Line, *, export_id: str, name: str | None, folder: Path, wait: bool, timeout: float) -> int:
    """
    Download the package of an export, going on where an earlier download broke, and check it.

    The last line on standard output is the path.

    Example: lading exports download exp_01ke2m0v8ye6h9y3v4n5p6q7r8 --output out
    """
    began = time.monotonic()
    with line.client() as client:
        if wait and name is None:
            return deliver(line, client, export_id, folder, timeout=timeout, began=began, stream=sys.stderr)
        export = client.exports.wait(export_id, timeout=timeout) if wait else client.exports.get(export_id)
        try:
            path = fetch(client, export, folder / export_id, stream=sys.stderr, name=name, is_json=line.is_json)
        except KeyboardInterrupt:
            output.tell("\nStopped; the same command goes on where it stopped.")
            return exits.INTERRUPTED
        if name is None:
            return check_and_tell(line, client, export, path, began=began)
    output.document({"path": str(path)}) if line.is_json else click.echo(str(path))
    return exits.OK
