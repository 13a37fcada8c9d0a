"""`lading exports create`: ask for an export and go; a worker does the rest."""

from __future__ import annotations

from typing import Any

import click

from lading.cli import exports_asking, keeping, output
from lading.cli.options import Line, connected


@click.command()
@exports_asking.options
@connected
def command(line: Line, **given: Any) -> None:
    """
    Ask for an export of PROFILE, or of a --type that needs none, and print its id.

    Example: lading exports create --type audit_report --period 2025
    """
    with line.client() as client:
        request = exports_asking.request(client, **given)
        with keeping.kept(client, request, None, given["idempotency_key"]) as entry:
            export = keeping.submit(client, request, entry).export
            output.document(export) if line.is_json else click.echo(export.id)
            entry.finish()
