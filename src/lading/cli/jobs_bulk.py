"""`lading jobs bulk`: steer many jobs by filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, get_args

import click

from lading.cli import exits, output
from lading.cli.asking import confirm, grounds
from lading.cli.columns_work import ACTIONS
from lading.cli.job_view import STATES, narrowed
from lading.cli.options import Line, connected
from lading.wire.jobs import Action

if TYPE_CHECKING:
    from lading.client import Client
    from lading.wire.jobs import ActionRequest, ActionResult

_PIECE: Final = 200
"""So many at once: a server under load takes tens of milliseconds for each, and is waited for half a minute."""


@click.command()
@click.argument("action", type=click.Choice(get_args(Action)), metavar="cancel|prioritise|retry|replay|pause|resume")
@click.option("--state", multiple=True, type=click.Choice(STATES), help="Only these (those it may work on); repeat it.")
@narrowed
@click.option("--all", "every", is_flag=True, help="Every job it may work on.")
@click.option("--priority", type=click.IntRange(-100, 100), metavar="N", help="For prioritise, and replay (100).")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many, newest first.")
@grounds
@click.option("--dry-run", "is_dry", is_flag=True, help="Only say how many there are, and name some.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
def command(
    line: Line,
    action: Action,
    *,
    state: Sequence[str],
    every: bool,
    priority: int | None,
    limit: int | None,
    reason: str,
    ticket: str | None,
    is_dry: bool,
    yes: bool,
    **filters: str | None,
) -> int:
    """
    Cancel, prioritise, retry, replay, pause or resume all jobs that match what is given, or --all.

    It counts first and asks.  Each job is done by itself; exit code 6 when one was refused.

    Example: lading jobs bulk retry --source activities --code source-timeout --reason "it is back" --dry-run
    """
    from lading.wire.jobs import ActionFilter, ActionRequest

    wanted = ActionFilter(state=list(state), **filters)
    request = ActionRequest(
        action, dry_run=True, filter=wanted, all=every, priority=priority, reason=reason, ticket=ticket
    )
    with line.client() as client:
        result = _steer(client, request, limit) if is_dry or not yes else None
        if not is_dry and (result is None or result.matched):
            if result is not None:
                confirm(f"{action.capitalize()} {output.number(result.matched)} jobs?", yes=False)
            result = _steer(client, replace(request, dry_run=False), limit)
    assert result is not None
    output.facts(line.form, result, ACTIONS)
    if not line.is_json:
        for refusal in result.refused:
            output.talk(f"{refusal.id}  {output.plain(refusal.detail)}")
    return exits.CONFLICT if result.refused else exits.OK


def _steer(client: Client, request: ActionRequest, limit: int | None) -> ActionResult:
    """Go through all that match, piece by piece, and add up what became of them."""
    told: ActionResult | None = None
    while True:
        left = None if limit is None else limit - (0 if told is None else told.matched)
        found = client.jobs.steer(replace(request, limit=_PIECE if left is None else min(left, _PIECE)))
        told = found if told is None else _sum(told, found)
        if not found.has_more or (limit is not None and told.matched >= limit):
            return told
        request = replace(request, cursor=found.next_cursor)


def _sum(first: ActionResult, then: ActionResult) -> ActionResult:
    added: dict[str, Any] = {
        "matched": first.matched + then.matched,
        "done": first.done + then.done,
        "refused": [*first.refused, *then.refused],
    }
    return replace(then, sample=first.sample, **added)
