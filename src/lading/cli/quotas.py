"""`lading quotas`: how many jobs of a kind may run at once and start per hour."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.columns import QUOTAS
from lading.cli.options import Line, connected
from lading.errors import InvalidInput


@click.group()
def command() -> None:
    """
    Limit how many jobs of a kind run at once and start per hour.

    Example: lading quotas set export --max-active 2
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
@connected
def set_(line: Line, kind: str, max_active: int | None, max_per_hour: int | None, burst: int | None) -> None:
    """
    Set the quota of a kind of job; what is not given is not limited.

    Example: lading quotas set export --max-active 2 --max-per-hour 100 --burst 20
    """
    if max_active is None and max_per_hour is None:
        raise InvalidInput("A quota needs --max-active or --max-per-hour; `lading quotas drop` lifts one.")
    with line.client() as client:
        quota = client.limits.set_quota(kind, max_active=max_active, max_per_hour=max_per_hour, burst=burst)
    output.facts(line.form, quota, QUOTAS)


@command.command()
@click.argument("kind")
@connected
def drop(line: Line, kind: str) -> None:
    """
    Lift the quota of a kind of job.

    Example: lading quotas drop export
    """
    with line.client() as client:
        client.limits.drop_quota(kind)
    output.talk(f"Jobs of kind {output.plain(kind)} have no quota any more.")
    if line.is_json:
        output.document({"dropped": kind})
