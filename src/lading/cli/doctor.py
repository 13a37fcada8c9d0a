"""`lading doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import asyncio

import click

from lading import settings as configuration
from lading.errors import EnvironmentUnfit


@click.command()
def command() -> None:
    """
    Examine data directory, disk, keys, database, clock, workers, some stored files and the server.

    Every line is ok, warn or fail, with the mend below it; exit code 11 when anything fails.

    Example: lading doctor
    """
    asyncio.run(_examine())


async def _examine() -> None:
    from lading.wiring import doctor

    failed: list[str] = []
    async for finding in doctor.examine(configuration.from_environment()):
        click.echo(f"{finding.state.value:<5} {finding.name}: {finding.detail}")
        if finding.mend:
            click.echo(f"      {finding.mend}")
        if finding.state is doctor.State.FAIL:
            failed.append(finding.name)
    if failed:
        raise EnvironmentUnfit(f"Not fit: {', '.join(failed)}. Mend what is marked fail above.")
