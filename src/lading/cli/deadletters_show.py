"""`lading deadletters show`: one dead letter."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.columns_work import LETTER
from lading.cli.options import Line, connected


@click.command()
@click.argument("job_id", metavar="ID")
@connected
def command(line: Line, job_id: str) -> None:
    """
    Show one dead letter.

    Example: lading deadletters show job_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.facts(line.form, client.dead_letters.get(job_id), LETTER)
