"""`lading deadletters resolve`: what letters were about is settled."""

from __future__ import annotations

import click

from lading.cli.letters import Choice, chosen, close
from lading.cli.options import Line, connected


@click.command()
@chosen
@connected
def command(line: Line, choice: Choice) -> int:
    """
    Close letters because what they were about is settled.

    Name them, or give a filter.  Exit code 6 when one was refused.

    Example: lading deadletters resolve job_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "sent by post" --ticket OPS-17
    """
    return close(line, "resolve", choice)
