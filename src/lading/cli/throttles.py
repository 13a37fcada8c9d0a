"""`lading throttles`: what is held back and why, and how fast jobs may start on a source."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lading.cli import amounts, output
from lading.cli.asking import grounds
from lading.cli.columns_work import BREAKERS, RATE_LIMITS, SLOWED, THROTTLES
from lading.cli.options import Line, connected
from lading.cli.throttle import readable

if TYPE_CHECKING:
    from lading.wire.limits import RateLimit


@click.group()
def command() -> None:
    """
    See what is held back and why; limit how fast jobs start on a source.

    Example: lading throttles limit activities --rate 30/m --burst 5 --reason "it is slow by day"
    """


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List what is held back while jobs wait in it: by what, until when, how many.

    Example: lading throttles list
    """
    with line.client() as client:
        output.rows(line.form, THROTTLES, client.limits.throttles())


@command.command()
@connected
def limits(line: Line) -> None:
    """
    List the rate limits of sources, and how many starts each has left now.

    Example: lading throttles limits
    """
    with line.client() as client:
        found = client.limits.rate_limits()
    output.rows(line.form, RATE_LIMITS, found if line.is_json else [_readable(each) for each in found])


@command.command()
@click.argument("source")
@click.option("--rate", required=True, metavar="RATE", help="Starts at most: 5/s, 300/m or 1000/h.")
@click.option("--burst", type=click.IntRange(1), default=1, metavar="N", help="So many at once after a quiet time (1).")
@grounds
@connected
def limit(line: Line, source: str, *, rate: str, burst: int, reason: str, ticket: str | None) -> None:
    """
    Limit how fast jobs start on a source, over all workers.

    Example: lading throttles limit activities --rate 30/m --burst 5 --reason "it is slow by day"
    """
    per_second = amounts.rate(rate)
    with line.client() as client:
        found = client.limits.set_rate_limit(source, rate=per_second, burst=burst, reason=reason, ticket=ticket)
    output.facts(line.form, found if line.is_json else _readable(found), RATE_LIMITS)


@command.command()
@click.argument("source")
@grounds
@connected
def lift(line: Line, source: str, reason: str, ticket: str | None) -> None:
    """
    Lift the rate limit of a source.

    Example: lading throttles lift activities --reason "it has a new disk"
    """
    with line.client() as client:
        client.limits.drop_rate_limit(source, reason=reason, ticket=ticket)
    output.talk(f"Source {output.plain(source)} has no rate limit any more.")
    if line.is_json:
        output.document({"lifted": source})


@command.command()
@connected
def slowed(line: Line) -> None:
    """
    List what somebody slowed down: rates, quotas, and jobs that start later.

    Example: lading throttles slowed
    """
    with line.client() as client:
        stands = client.throttles.stands()
    found = stands.set
    output.rows(line.form, SLOWED, found if line.is_json else [readable(each) for each in found])
    if stands.has_more:
        output.talk("More jobs start later than are named here; lading pauses lists them all.")


@command.command()
@connected
def breakers(line: Line) -> None:
    """
    List the circuit breakers: which sources are left alone because they do not answer.

    Example: lading throttles breakers
    """
    with line.client() as client:
        output.rows(line.form, BREAKERS, client.limits.breakers())


def _readable(limit: RateLimit) -> dict[str, Any]:
    return {
        **asdict(limit),
        "rate": amounts.show_rate(limit.rate),
        "effective_rate": amounts.show_rate(limit.effective_rate),
        "factor": f"{limit.factor:g}",
    }
