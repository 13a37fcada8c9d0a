"""`lading quotas`: how many jobs of a kind may run at once and start per hour."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.asking import grounds
from lading.cli.columns_work import CALL_QUOTAS, QUOTAS
from lading.cli.options import Line, connected
from lading.errors import InvalidInput


@click.group()
def command() -> None:
    """
    Limit how many jobs of a kind run at once and start per hour.

    Example: lading quotas set export --max-active 2 --reason "the disk is slow"
    """


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the quotas and what runs under them.

    Example: lading quotas list
    """
    with line.client() as client:
        output.rows(line.form, QUOTAS, client.limits.quotas())


@command.command(name="set")
@click.argument("kind")
@click.option("--max-active", type=click.IntRange(0), metavar="N", help="At most so many at once; 0 starts none.")
@click.option("--max-per-hour", type=click.IntRange(1), metavar="N", help="At most so many starts in an hour.")
@click.option("--burst", type=click.IntRange(1), metavar="N", help="So many of these at once after a quiet time.")
@grounds
@connected
def set_(
    line: Line,
    *,
    kind: str,
    max_active: int | None,
    max_per_hour: int | None,
    burst: int | None,
    reason: str,
    ticket: str | None,
) -> None:
    """
    Set the quota of a kind of job; what is not given is not limited.

    KIND '*' is all jobs together, whatever their kind.

    Example: lading quotas set export --max-active 2 --max-per-hour 100 --burst 20 --reason "the disk is slow"
    """
    if max_active is None and max_per_hour is None:
        raise InvalidInput("A quota needs --max-active or --max-per-hour; `lading quotas drop` lifts one.")
    with line.client() as client:
        quota = client.limits.set_quota(
            kind, max_active=max_active, max_per_hour=max_per_hour, burst=burst, reason=reason, ticket=ticket
        )
    output.facts(line.form, quota, QUOTAS)


@command.group()
def calls() -> None:
    """
    Limit calls of the export API, and how many exports may be asked for; over it they are refused (429).

    Example: lading quotas calls set exports --max-per-day 200 --reason "the source is small"
    """


@calls.command(name="list")
@connected
def list_calls(line: Line) -> None:
    """
    List the limits on calls and exports, and what is used of them.

    Example: lading quotas calls list
    """
    with line.client() as client:
        output.rows(line.form, CALL_QUOTAS, client.limits.call_quotas())


@calls.command(name="set")
@click.argument("name", type=click.Choice(["export-calls", "exports"]))
@click.option("--max-per-hour", type=click.IntRange(0), metavar="N", help="At most so many in an hour of the clock.")
@click.option("--max-per-day", type=click.IntRange(0), metavar="N", help="At most so many in a day (UTC).")
@click.option("--max-waiting", type=click.IntRange(0), metavar="N", help="At most so many exports pending at once.")
@grounds
@connected
def set_calls(line: Line, *, name: str, reason: str, ticket: str | None, **limits: int | None) -> None:
    """
    Limit calls of the export API, or the exports that are asked for; what is not given is not limited.

    Example: lading quotas calls set exports --max-per-hour 20 --max-waiting 5 --reason "the source is small"
    """
    with line.client() as client:
        quota = client.limits.set_call_quota(name, **limits, reason=reason, ticket=ticket)
    output.facts(line.form, quota, CALL_QUOTAS)


@calls.command(name="drop")
@click.argument("name", type=click.Choice(["export-calls", "exports"]))
@grounds
@connected
def drop_calls(line: Line, name: str, reason: str, ticket: str | None) -> None:
    """
    Lift the limit on calls or exports.

    Example: lading quotas calls drop exports --reason "the source has grown"
    """
    with line.client() as client:
        client.limits.drop_call_quota(name, reason=reason, ticket=ticket)
    output.talk(f"There is no limit on {name} any more.")
    if line.is_json:
        output.document({"dropped": name})


@command.command()
@click.argument("kind")
@grounds
@connected
def drop(line: Line, kind: str, reason: str, ticket: str | None) -> None:
    """
    Lift the quota of a kind of job.

    Example: lading quotas drop export --reason "the disk is fast again"
    """
    with line.client() as client:
        client.limits.drop_quota(kind, reason=reason, ticket=ticket)
    output.talk(f"Jobs of kind {output.plain(kind)} have no quota any more.")
    if line.is_json:
        output.document({"dropped": kind})
