"""`lading whoami`: whose token this is, and what it may."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.columns import ME
from lading.cli.options import Line, connected


@click.command()
@connected
def command(line: Line) -> None:
    """
    Say whose token this is, for which tenant, and what it may.

    Example: lading whoami
    """
    with line.client() as client:
        output.facts(line.form, client.tenants.me(), ME)
