"""`lading deadletters discard`: nobody will do the work."""

from __future__ import annotations

import click

from lading.cli.letters import Choice, chosen, close
from lading.cli.options import Line, connected


@click.command()
@chosen
@connected
def command(line: Line, choice: Choice) -> int:
    """
    Close letters because nobody wants the work any more.

    Name them, or give a filter.  Exit code 6 when one was refused.

    Example: lading deadletters discard --kind export --dry-run --reason "the year is closed"
    """
    return close(line, "discard", choice)
