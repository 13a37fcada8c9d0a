"""`lading migrate`: bring the database to the schema of this Lading."""

from __future__ import annotations

import asyncio

import click

from lading import settings as configuration
from lading.errors import EnvironmentUnfit


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; end with 11 when there is something to apply.")
def command(*, check: bool) -> None:
    """
    Bring the database in LADING_DATABASE_URL, or of the Lading that runs here, to the schema of this Lading.

    `lading up` does this by itself; where servers and workers are started one by one, run it before the new ones.
    Whoever works meanwhile goes on: a migration that has to wait for a table lets everybody pass and tries again.

    Example: lading migrate --check
    """
    asyncio.run(_migrate(check=check))


async def _migrate(*, check: bool) -> None:
    from lading.db.migrate import outstanding
    from lading.wiring import database

    url = database.url_for_another_process(configuration.from_environment())
    behind = await outstanding(url)
    if check:
        if behind:
            raise EnvironmentUnfit(f"Migrations to apply: {behind}. Run `lading migrate`.")
        click.echo("The database has the schema of this Lading.")
        return
    await database.bring_forward(url)
    click.echo(f"Migrations applied: {behind}." if behind else "There was nothing to apply.")
