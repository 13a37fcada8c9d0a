"""`lading pause`: stop a tenant, a source, a kind of job or one job, until it is resumed or for a while."""

from __future__ import annotations

import datetime

import click

from lading.cli import amounts, output
from lading.cli.asking import grounds
from lading.cli.columns_work import PAUSES
from lading.cli.options import Line, connected, scoped


@click.command()
@scoped
@grounds
@click.option("--from", "begin", metavar="INSTANT", help="When it begins (now), such as 2026-12-01T22:00Z.")
@click.option("--until", metavar="INSTANT", help="When it ends by itself.")
@click.option("--for", "length", metavar="SPAN", help="How long it lasts: 90s, 45m, 2h or 3d.")
@connected
def command(
    line: Line,
    scope: str,
    target: str,
    *,
    reason: str,
    ticket: str | None,
    begin: str | None,
    until: str | None,
    length: str | None,
) -> None:
    """
    Start no more jobs of a tenant, on a source, of a kind, or one job; what runs is left to its end.

    Without --until or --for it lasts until `lading resume`.

    Example: lading pause source activities --for 2h --reason "index is rebuilt" --ticket OPS-17
    """
    starts_at, ends_at = amounts.window(begin, until, length, now=datetime.datetime.now(datetime.UTC))
    with line.client() as client:
        made = client.limits.pause(scope, target, reason=reason, ticket=ticket, starts_at=starts_at, ends_at=ends_at)
    output.facts(line.form, made, PAUSES)
