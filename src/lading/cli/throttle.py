"""`lading throttle`: slow down a tenant, a source, a kind of job or one job."""

from __future__ import annotations

import datetime
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lading.cli import amounts, output
from lading.cli.asking import grounds
from lading.cli.columns_work import SLOWED
from lading.cli.options import Line, connected, scoped
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.wire.throttles import Scope, SetThrottle


@click.command()
@scoped
@click.option("--rate", metavar="RATE", help="Starts at most, on a source: 5/s, 300/m or 1000/h.")
@click.option("--burst", type=click.IntRange(1), metavar="N", help="So many starts at once after a quiet time.")
@click.option("--max-active", type=click.IntRange(0), metavar="N", help="At most so many at once, of a kind or tenant.")
@click.option("--max-per-hour", type=click.IntRange(1), metavar="N", help="So many starts in an hour, likewise.")
@click.option("--until", metavar="INSTANT", help="Do not start a job before then, such as 2026-12-01T22:00Z.")
@click.option("--for", "length", metavar="SPAN", help="Do not start a job for so long: 90s, 45m, 2h or 3d.")
@click.option("--lift", is_flag=True, help="Let it go at its own pace again.")
@grounds
@connected
def command(
    line: Line,
    scope: Scope,
    target: str,
    *,
    rate: str | None,
    burst: int | None,
    max_active: int | None,
    max_per_hour: int | None,
    until: str | None,
    length: str | None,
    lift: bool,
    reason: str,
    ticket: str | None,
) -> None:
    """
    Slow down a tenant, a source, a kind of job or one job; doing it again replaces what was set.

    A source takes --rate, a kind or the tenant as a whole --max-active or --max-per-hour, a job --until or --for.
    `lading throttles slowed` lists what is slowed down.

    Example: lading throttle source activities --rate 30/m --burst 5 --reason "it groans" --ticket OPS-17
    """
    from lading.wire.throttles import ThrottleRequest

    given = (rate, burst, max_active, max_per_hour, until, length)
    if lift == any(each is not None for each in given):
        raise InvalidInput("Say how slow, such as --rate 30/m, or --lift; one of the two.")
    if lift:
        with line.client() as client:
            client.throttles.lift(scope, target, reason=reason, ticket=ticket)
        output.talk(f"{output.plain(f'{scope} {target}'.strip()).capitalize()} goes at its own pace again.")
        if line.is_json:
            output.document({"scope": scope, "target": target, "lifted": True})
        return
    request = ThrottleRequest(
        scope=scope,
        target=target,
        rate=None if rate is None else amounts.rate(rate),
        burst=burst,
        max_active=max_active,
        max_per_hour=max_per_hour,
        until=amounts.moment(until, length, now=datetime.datetime.now(datetime.UTC)),
        reason=reason,
        ticket=ticket,
    )
    with line.client() as client:
        found = client.throttles.set(request)
    output.facts(line.form, found if line.is_json else readable(found), SLOWED)


def readable(slowed: SetThrottle) -> dict[str, Any]:
    """Return a throttle with its rate as people write it."""
    return {**asdict(slowed), "rate": None if slowed.rate is None else amounts.show_rate(slowed.rate)}
