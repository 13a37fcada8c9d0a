"""`lading jobs kinds`: what sorts of jobs there are."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.columns_work import KINDS
from lading.cli.options import Line, connected


@click.command()
@connected
def command(line: Line) -> None:
    """
    List the kinds of jobs, and which may be created directly.

    Example: lading jobs kinds
    """
    with line.client() as client:
        output.rows(line.form, KINDS, client.jobs.kinds())
