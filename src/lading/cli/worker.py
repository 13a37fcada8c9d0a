"""`lading worker`: one worker process beside a running Lading, until SIGTERM."""

from __future__ import annotations

import asyncio

import click

from lading import settings as configuration


@click.command()
def command() -> None:
    """
    Run one worker process.

    It works for the database in LADING_DATABASE_URL, or for the Lading that runs on LADING_DATA_DIR.
    SIGTERM or Ctrl-C lets the running export reach a checkpoint first.

    Example: lading worker
    """
    from lading.wiring import database, workers

    settings = configuration.from_environment()
    asyncio.run(workers.run_worker(settings, database.url_for_another_process(settings)))
