"""`lading allocations`: what part of the installation each tenant has; to be set by the admin of an instance."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.asking import grounds
from lading.cli.columns_work import ALLOCATIONS
from lading.cli.options import Line, connected

_STRATEGIES = ("unlimited", "proportional", "priority", "reserved", "max_limit")


@click.group()
def command() -> None:
    """
    Share the installation out among tenants.

    Example: lading allocations set nordlys proportional --value 3 --reason "paid for three shares"
    """


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the allocations that were set: your own, or all for an instance admin.

    Example: lading allocations list
    """
    with line.client() as client:
        output.rows(line.form, ALLOCATIONS, list(client.allocations.list()))


# A negative value looks like an option.
@command.command(name="set", context_settings={"ignore_unknown_options": True})
@click.argument("slug")
@click.argument("strategy", type=click.Choice(_STRATEGIES))
@click.option("--value", type=int, metavar="N", help="Weight, priority, jobs reserved or jobs at most.")
@click.option("--max-queued", type=click.IntRange(0), metavar="N", help="At most so many jobs that have not ended.")
@grounds
@connected
def set_(
    line: Line,
    *,
    slug: str,
    strategy: str,
    value: int | None,
    max_queued: int | None,
    reason: str,
    ticket: str | None,
) -> None:
    """
    Set what part of the installation a tenant has.

    STRATEGY is unlimited, proportional (--value is its weight, 1 to 1000), priority (-100 to 100; above 0 it is served
    before the others), reserved (so many jobs can always run at once, as far as there are slots of workers beside one
    for the others) or max_limit (so many run at once at most).

    Example: lading allocations set nordlys max_limit --value 4 --max-queued 1000 --reason "trial period"
    """
    with line.client() as client:
        found = client.allocations.set(slug, strategy, value=value, max_queued=max_queued, reason=reason, ticket=ticket)
    output.facts(line.form, found, ALLOCATIONS)


@command.command()
@click.argument("slug")
@grounds
@connected
def reset(line: Line, slug: str, reason: str, ticket: str | None) -> None:
    """
    Give a tenant equal turns and no limit of its own again.

    Example: lading allocations reset nordlys --reason "the trial is over"
    """
    with line.client() as client:
        client.allocations.reset(slug, reason=reason, ticket=ticket)
    output.talk(f"Tenant {output.plain(slug)} has equal turns and no limit of its own.")
    if line.is_json:
        output.document({"reset": slug})
