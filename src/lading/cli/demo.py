"""`lading demo`: from nothing to a checked example report, through everything a real export goes through."""

from __future__ import annotations

import asyncio
import datetime
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lading import settings as configuration
from lading.cli import exits, interrupt_on_terminate, output, periods
from lading.cli.options import into
from lading.cli.progress import fetch, follow
from lading.cli.summary import print_summary

if TYPE_CHECKING:
    from lading.client.sync.client import Client
    from lading.settings import Settings

_KEY_LIFETIME: Final = datetime.timedelta(hours=1)
_TIMEOUT_SECONDS: Final = 600.0


@click.command()
@click.option("--organisation", default="nordlys", metavar="NAME", help="nordlys, fjord or skog (nordlys).")
@click.option(
    "--format",
    "format_",
    default="xlsx",
    metavar="FORMAT",
    help="csv, tsv, xlsx, json, ndjson, parquet, xml or pdf (xlsx).",
)
@click.option("--period", default="2025", help="2025, 2025-H1, 2025-Q2, 2025-03 or 2025-01-01..2025-06-30 (2025).")
@click.option("--attachments/--no-attachments", default=True, help="Put the attachments into the package (yes).")
@into("Where the package goes (./exports).")
def command(organisation: str, format_: str, period: str, attachments: bool, folder: Path) -> int:
    """
    Produce the activity report of one example organisation.

    Starts Lading if none runs on the data directory (./.lading), loads the example database, asks the API for the
    export, follows it, downloads the package and checks it.  What was started is stopped at the end.
    The last line on standard output is the path of the package.

    Example: lading demo --organisation fjord --format csv --period 2025
    """
    days = periods.parse(period)
    interrupt_on_terminate()
    settings = replace(configuration.from_environment(), workers=1)

    from lading.wiring import beside, demo

    demo.known(organisation)
    demo.refuse_foreign_database(settings)
    with (
        beside.server(
            settings,
            on_start=lambda: output.talk("Starting PostgreSQL, API server and a worker."),
            on_wait=lambda: output.talk("Another demo works with it; waiting for that one before stopping."),
        ) as url,
        _prepared(settings, url, organisation) as client,
    ):
        export = client.exports.create(demo.PROFILE, period=days, format=format_, include_attachments=attachments)
        return _deliver(settings, client, export.id, folder)


def _prepared(settings: Settings, url: str, organisation: str) -> Client:
    """Return a client that acts for the organisation, whose data, source and profile are there."""
    from lading.client.sync.client import Client
    from lading.wiring import admin, database, demo

    output.talk("Loading the example database.")
    loaded = demo.load_example(settings)
    token = asyncio.run(admin.another_token(database.url_of_running(settings), name="demo", lifetime=_KEY_LIFETIME))
    demo.register(url, token, loaded)
    return Client(url, token=token, tenant=organisation)


def _deliver(settings: Settings, client: Client, export_id: str, folder: Path) -> int:
    """Follow the export, download its package, check it against the keys of this instance, and tell."""
    from lading.artifacts.verify import verify
    from lading.client import polling
    from lading.ledger.trust import Trust

    began = time.monotonic()
    export = polling.completed(follow(client, export_id, timeout=_TIMEOUT_SECONDS, stream=sys.stderr))
    package = fetch(client, export, folder / export_id, stream=sys.stderr)
    verify(package, Trust.load(settings.trust_file))
    print_summary(client.exports.sealed(export_id), package, time.monotonic() - began)
    return exits.OK
