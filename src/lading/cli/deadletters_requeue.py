"""`lading deadletters requeue`: let jobs live again."""

from __future__ import annotations

import click

from lading.cli.letters import Choice, chosen, close
from lading.cli.options import Line, connected


@click.command()
@chosen
@connected
def command(line: Line, choice: Choice) -> int:
    """
    Let dead jobs live again under their ids, with a fresh budget of attempts.

    Name them, or give a filter.  Exit code 6 when one was refused.

    Example: lading deadletters requeue --code source-refused --reason "password renewed"
    """
    return close(line, "requeue", choice)
