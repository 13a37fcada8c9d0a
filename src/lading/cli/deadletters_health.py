"""`lading deadletters health`: whether too many letters are open, for people and probes."""

from __future__ import annotations

import click

from lading.cli import exits, output
from lading.cli.columns_work import LETTER_HEALTH
from lading.cli.options import Line, connected


@click.command()
@connected
def command(line: Line) -> int:
    """
    Say whether too many letters are open: warn above 10, fail above 50; exit code 11 for fail, 0 otherwise.

    Example: lading deadletters health
    """
    with line.client() as client:
        health = client.dead_letters.health()
    output.facts(line.form, health, LETTER_HEALTH)
    return exits.UNFIT if health.level == "fail" else exits.OK
