"""`lading events`: what happens in a tenant, as it happens."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lading.cli import output
from lading.cli.columns import EVENTS
from lading.cli.options import Line, connected

if TYPE_CHECKING:
    from lading.wire.events import Event


@click.group()
def command() -> None:
    """
    See what happens in a tenant, as it happens or from any place of its ledger on.

    Example: lading events tail --topic exports
    """


def _filtered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the filters of events."""
    for option in (
        click.option("--after", type=click.IntRange(0), metavar="ID", help="After this event; 0 for all there are."),
        click.option("--subject", metavar="ID", help="Only about this, such as an export."),
        click.option("--type", "types", multiple=True, metavar="TYPE", help="Such as export.completed; repeat it."),
        click.option("--topic", "topics", multiple=True, metavar="TOPIC", help="exports, jobs, runs, …; repeat it."),
    ):
        function = option(function)
    return function


@command.command()
@_filtered
@click.option("--limit", type=click.IntRange(1), metavar="N", help="End after so many events.")
@connected
def tail(
    line: Line,
    *,
    topics: Sequence[str],
    types: Sequence[str],
    subject: str | None,
    after: int | None,
    limit: int | None,
) -> None:
    """
    Show events as they happen, a line each, until Ctrl-C; what an outage of the server held back comes after it.

    Example: lading events tail --topic exports --topic deliveries --json
    """
    shown = 0
    with line.client() as client:
        for event in client.events(topics=topics, types=types, subject=subject, after=after):
            _show(line, event)
            shown += 1
            if shown == limit:
                return


@command.command(name="list")
@_filtered
@click.option("--limit", type=click.IntRange(1, 500), default=100, metavar="N", help="Events to show (100).")
@connected
def list_(
    line: Line,
    *,
    topics: Sequence[str],
    types: Sequence[str],
    subject: str | None,
    after: int | None,
    limit: int,
) -> None:
    """
    Show events that have happened, oldest first; --after goes on.

    Example: lading events list --subject exp_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        page = client.events.page(topics=topics, types=types, subject=subject, after=after or 0, limit=limit)
    if page.reset:
        output.talk(f"That is too far back; the newest event is {page.next}. `lading ledger` has them all.")
    output.rows(line.form, EVENTS, page.items)


def _show(line: Line, event: Event) -> None:
    if event.type == "reset":
        output.talk("Events were missed, because the place was too far back; look at what you follow again.")
        return
    if line.is_json:
        text = json.dumps(asdict(event), ensure_ascii=False)
    else:
        data = json.dumps(event.data, ensure_ascii=False)
        text = "\t".join(output.plain(word) for word in (str(event.id), event.at, event.type, event.subject, data))
    click.echo(text)
