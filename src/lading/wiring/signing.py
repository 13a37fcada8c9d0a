"""The signing keys of an installation put together: the folder, whoever keeps keys elsewhere, the database to tell."""

from __future__ import annotations

from typing import Final

from lading.db.database import Database
from lading.errors import EnvironmentUnfit, SignerUnavailable, SourceRefused
from lading.ledger import keys, signers, signing_keys
from lading.ledger.keys import Keys, KeyStore
from lading.ledger.signers import External
from lading.settings import Settings
from lading.sources import credentials
from lading.sources.asking import service
from lading.wiring import database

_MOST_BYTES: Final = 64 << 10


def opened(settings: Settings) -> Keys:
    """Return the keys to sign with, made on the first start."""
    return keys.load_or_create(settings.keys_dir, settings.instance, provider(settings))


def store(settings: Settings) -> KeyStore:
    """Return where the keys are, with none of them read: one may be lost."""
    return KeyStore(settings.keys_dir, settings.instance, provider(settings))


def provider(settings: Settings) -> External | None:
    """Return whoever keeps keys elsewhere, None when they are files here; EnvironmentUnfit when it can't be known."""
    if settings.signer_command and settings.signer_url:
        raise EnvironmentUnfit("LADING_SIGNER_COMMAND and LADING_SIGNER_URL are both set; only one keeps the keys.")
    if settings.signer_command:
        return signers.command(settings.signer_command, seconds=settings.signer_seconds)
    return _service(settings) if settings.signer_url else None


async def announce(settings: Settings, found: KeyStore, *, reason: str, ticket: str | None) -> int:
    """Tell all ledgers what was done to the keys, and why."""
    ledgers = Database(database.url_for_another_process(settings), size=1)
    await ledgers.open()
    try:
        return await signing_keys.announce(ledgers, found, reason=reason, ticket=ticket)
    finally:
        await ledgers.close()


def _service(settings: Settings) -> External:
    signer = service(
        "The signer",
        settings.signer_url,
        "LADING_SIGNER_URL",
        networks=settings.networks,
        refused=SignerUnavailable,
    )

    def exchange(question: bytes) -> bytes:
        headers = [("Content-Type", "application/json"), *_token(settings)]
        return signer.ask(question, headers=headers, seconds=settings.signer_seconds, most_bytes=_MOST_BYTES)

    return External(signer.name, exchange)


def _token(settings: Settings) -> list[tuple[str, str]]:
    if not settings.signer_token_ref:
        return []
    try:
        return [("Authorization", f"Bearer {credentials.resolve(settings.signer_token_ref)}")]
    except SourceRefused as error:
        raise SignerUnavailable(f"The token of the signer can't be had: {error.message}") from error
