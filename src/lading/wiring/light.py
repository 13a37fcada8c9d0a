"""The program of a light executor child, started by a worker's supervisor: `python -m lading.wiring.light`."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import Final

from lading import settings as configuration
from lading.db import notify
from lading.db.database import Database
from lading.db.transaction import Role
from lading.errors import LadingError
from lading.jobs.kinds import NOOP_KIND
from lading.jobs.model import Handlers
from lading.settings import Settings
from lading.telemetry import log
from lading.webhooks.handler import WebhookHandler
from lading.webhooks.store import JOB_KIND as WEBHOOK
from lading.webhooks.vault import Vault
from lading.wiring import budget
from lading.wiring.workers import ENDINGS, opened
from lading.worker.light import LightExecutor
from lading.worker.noop import Noop

# Every row that an exchange touches is known by its key.  A plan made while the table was small must not scan it when
# it has grown, and compiling one takes longer than running it.  One plan serves as long as the connection: making one
# takes longer than a claim.
_OPTIONS: Final = (
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
    " -c plan_cache_mode=force_generic_plan"
)
# As hurry.sql says: who freezes while it holds turns must not hold up its tenants, and nobody waits long for it.
_HURRIED: Final = f"{_OPTIONS} -c idle_in_transaction_session_timeout=1s -c lock_timeout=500ms"

# Exchanges follow one another in milliseconds, and each that is told brings about a head of its own to sign.
_GAP_SECONDS: Final = 0.25

# More objects than the jobs that are held at once are made of.  They go when they are settled; a collector that looks
# through them every 700 takes a fifth of our time, finds nothing, and stops everything for 50 ms when it looks through
# all that was imported as well.
_YOUNG: Final = 50_000


def main() -> None:
    """Serve until standard input ends."""
    log.configure()
    gc.freeze()
    gc.set_threshold(_YOUNG)
    try:
        asyncio.run(_run(configuration.from_environment(), os.environ["LADING_DATABASE_URL"]))
    except LadingError as error:
        sys.exit(error.message)


async def _run(settings: Settings, url: str) -> None:
    async with (
        opened(url, size=budget.LIGHT, options=_OPTIONS) as database,
        opened(url, size=budget.EXCHANGES, options=_HURRIED, role=Role.SYSTEM) as exchanges,
    ):
        # By connections of their own: those of the exchanges are all needed.
        hints = notify.Sender(database, gap_seconds=_GAP_SECONDS)
        exchanges.tell = hints.soon
        try:
            kinds = handlers(settings, database)
            await LightExecutor(database, kinds, ENDINGS, exchanges=exchanges, most=settings.light_batch).serve()
        finally:
            await hints.close()


def handlers(settings: Settings, database: Database) -> Handlers:
    """Return the handlers of the light kinds."""
    return {NOOP_KIND: Noop(), WEBHOOK: WebhookHandler(database, settings, Vault(settings.keys_dir))}


if __name__ == "__main__":
    main()
