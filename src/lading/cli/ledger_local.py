"""`lading ledger selfcheck` and `adopt-restore`: for who runs this installation, on its own machine."""

from __future__ import annotations

import asyncio

import click

from lading import settings as configuration
from lading.cli import asking, exits, output
from lading.errors import InvalidInput, NotFound


@click.command()
@click.option("--tenant", metavar="SLUG", help="Only the ledger of this tenant.")
def selfcheck(tenant: str | None) -> int:
    """
    Recompute ledgers from their rows, on this machine.

    Entries against tree, tiles, signed heads, the log of the instance and the high-water marks. Every worker does so
    once a day; exit code 9 when something does not fit.

    Example: lading ledger selfcheck --tenant nordlys
    """
    return asyncio.run(_check(tenant))


async def _check(slug: str | None) -> int:
    from lading.wiring import ledgers

    count, bad = 0, 0
    async for found in ledgers.check(configuration.from_environment(), slug):
        count, bad = count + 1, bad + (found.fault is not None)
        said = found.fault or f"{output.number(found.entries)} entries"
        click.echo(f"{'fail' if found.fault else 'ok':<5} {found.slug}: {said}")
    if slug is not None and not count:
        raise NotFound(f"There is no tenant {slug[:64]!r} here; `lading tenants list` names them.")
    return exits.DAMAGED if bad else exits.OK


@click.command("adopt-restore")
@asking.grounds
@click.option("--yes", is_flag=True, help="Don't ask.")
def adopt_restore(*, reason: str, ticket: str | None, yes: bool) -> None:
    """
    Let ledgers go on whose database was restored.

    Each that lost signed entries gets another tree, whose first entry says which are lost; what was signed before
    stays valid and its end stays visible for ever. Restore the newest backup that there is before you do this.

    Example: lading ledger adopt-restore --reason "disk of db1 lost" --ticket OPS-7
    """
    if not reason.strip():
        raise InvalidInput.field("--reason", "is empty; say why.")
    if not yes:
        click.confirm("The entries that are missing are given up for good. Go on?", abort=True, err=True)
    asyncio.run(_adopt(reason, ticket))


async def _adopt(reason: str, ticket: str | None) -> None:
    from lading.wiring import ledgers

    found = await ledgers.adopt(configuration.from_environment(), reason=reason, ticket=ticket)
    for each in found:
        click.echo(f"{each.name}: {each.sentence}; it goes on behind {max(each.size, each.mark.size)}")
    output.talk("Nothing was taken back." if not found else f"{len(found)} adopted.")
