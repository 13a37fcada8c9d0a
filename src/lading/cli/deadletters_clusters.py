"""`lading deadletters clusters`: what open letters died of."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.columns_work import CLUSTERS
from lading.cli.options import Line, connected


@click.command()
@connected
def command(line: Line) -> None:
    """
    Show what open letters died of, most frequent first.

    Example: lading deadletters clusters
    """
    with line.client() as client:
        output.rows(line.form, CLUSTERS, client.dead_letters.clusters())
