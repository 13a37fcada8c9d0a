"""The parts of one API process, opened and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lading.api.services import Services
from lading.db import notify
from lading.db.database import Database
from lading.exports.deliveries import JOB_KIND as DELIVERY
from lading.exports.delivery_endings import DeliveryEnding
from lading.exports.endings import ExportEnding, PartEnding
from lading.exports.model import JOB_KIND
from lading.exports.parts import JOB_KIND as PART
from lading.exports.service import ExportService
from lading.ledger.feed import Feed
from lading.settings import Settings
from lading.webhooks.endings import WebhookEnding
from lading.webhooks.store import JOB_KIND as WEBHOOK
from lading.wiring import budget, depots


@asynccontextmanager
async def opened(settings: Settings, database_url: str) -> AsyncIterator[Services]:
    """Open the database and everything that stands on it."""
    pooler = settings.database_pooler_url
    database = Database(pooler or database_url, size=budget.API, is_pooled=pooler is not None)
    await database.open()
    try:
        hints = notify.Sender(database)
        exports = ExportService(database, settings, depots.opened(settings), hints)
        database.tell = hints.soon
        async with (
            notify.Hearer(database_url, notify.EXPORTS, notify.EVENTS) as hearer,
            Feed(database, hearer) as feed,
        ):
            endings = {
                JOB_KIND: ExportEnding(settings),
                PART: PartEnding(settings),
                DELIVERY: DeliveryEnding(settings),
                WEBHOOK: WebhookEnding(),
            }
            yield Services(settings, database, exports, hearer, hints, endings, feed)
        await hints.close()
    finally:
        await database.close()
