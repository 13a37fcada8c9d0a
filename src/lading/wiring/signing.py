"""The signing keys of an installation put together: the folder, whoever keeps keys elsewhere, the database to tell."""

from __future__ import annotations

from lading.db.database import Database
from lading.ledger import keys, signing_keys
from lading.ledger.keys import Keys, KeyStore
from lading.settings import Settings
from lading.wiring import database


def opened(settings: Settings) -> Keys:
    """Return the keys to sign with, made on the first start."""
    return keys.load_or_create(settings.keys_dir, settings.instance)


def store(settings: Settings) -> KeyStore:
    """Return where the keys are, with none of them read: one may be lost."""
    return KeyStore(settings.keys_dir, settings.instance)


async def announce(settings: Settings, found: KeyStore, *, reason: str, ticket: str | None) -> int:
    """Tell all ledgers what was done to the keys, and why."""
    ledgers = Database(database.url_for_another_process(settings), size=1)
    await ledgers.open()
    try:
        return await signing_keys.announce(ledgers, found, reason=reason, ticket=ticket)
    finally:
        await ledgers.close()
