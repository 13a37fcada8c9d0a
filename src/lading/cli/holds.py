"""`lading holds`: keep exports from being removed, see what is kept, let it go."""

from __future__ import annotations

from itertools import islice

import click

from lading.cli import output
from lading.cli.asking import confirm, grounds
from lading.cli.columns import HOLD, HOLDS
from lading.cli.options import Line, connected


@click.group()
def command() -> None:
    """
    Keep exports from being removed by legal holds, see what is kept, and let it go.

    Example: lading holds list
    """


@command.command()
@click.option("--export", metavar="ID", help="One export.")
@click.option("--profile", metavar="NAME", help="All exports of this profile,")
@click.option("--type", "type_", metavar="NAME", help="of this type,")
@click.option("--requested-by", metavar="ID", help="that this key or member asked for,")
@click.option("--from", "period_from", metavar="DAY", help="whose period ends on this day or later,")
@click.option("--to", "period_to", metavar="DAY", help="whose period begins on this day or earlier.")
@grounds
@connected
def place(
    line: Line,
    *,
    export: str | None,
    profile: str | None,
    type_: str | None,
    requested_by: str | None,
    period_from: str | None,
    period_to: str | None,
    reason: str,
    ticket: str | None,
) -> None:
    """
    Keep one export, or all that a filter matches, also those to come, until the hold is lifted.

    Example: lading holds place --profile bufdir --from 2025-01-01 --to 2025-12-31 --reason "audit" --ticket LEG-7
    """
    from lading.wire.retention import HoldRequest

    request = HoldRequest(
        export=export,
        profile=profile,
        type=type_,
        requested_by=requested_by,
        period_from=period_from,
        period_to=period_to,
        reason=reason,
        ticket=ticket,
    )
    with line.client() as client:
        output.facts(line.form, client.holds.place(request), HOLD)


@command.command(name="list")
@click.option("--lifted", is_flag=True, help="Those that are lifted.")
@click.option("--export", metavar="ID", help="Those that keep this export.")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def list_(line: Line, *, lifted: bool, export: str | None, limit: int) -> None:
    """
    List holds, newest first.

    Example: lading holds list --lifted
    """
    with line.client() as client:
        output.rows(line.form, HOLDS, list(islice(client.holds.list(lifted=lifted, export=export), limit)))


@command.command()
@click.argument("hold_id", metavar="HOLD_ID")
@connected
def get(line: Line, hold_id: str) -> None:
    """
    Show a hold, and how many exports it keeps now.

    Example: lading holds get hld_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.facts(line.form, client.holds.get(hold_id), HOLD)


@command.command()
@click.argument("hold_id", metavar="HOLD_ID")
@grounds
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
def lift(line: Line, hold_id: str, *, reason: str, ticket: str | None, yes: bool) -> None:
    """
    Let go what a hold kept; what is over by its retention goes with the next sweep.

    Example: lading holds lift hld_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "the audit is closed" --ticket LEG-7
    """
    confirm(f"Lift {output.plain(hold_id)}?", yes=yes)
    with line.client() as client:
        output.facts(line.form, client.holds.lift(hold_id, reason=reason, ticket=ticket), HOLD)
