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
from lading.sources.guard import Barred, look_up, origin_of, target_of
from lading.sources.guarded import Distrusted, Door, NoAnswer, TooMuch
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
    url, seconds = settings.signer_url, settings.signer_seconds
    origin = origin_of(url)
    if origin is None:
        raise EnvironmentUnfit("LADING_SIGNER_URL is no plain URL; write https://host/path, with no user in it.")
    name = f"The signer at {origin}"

    def exchange(question: bytes) -> bytes:
        headers = [("Content-Type", "application/json"), *_token(settings)]
        # A door for each question: keys are used from several threads, and a signer is asked seldom.
        door = Door(origin, settings.networks, look_up)
        try:
            answer = door.call(
                "POST", target_of(url), headers=headers, seconds=seconds, most_bytes=_MOST_BYTES, content=question
            )
        except Barred as error:
            raise SignerUnavailable(
                f"{name} is at {error}, which is not called; allow its network in LADING_ALLOWED_NETWORKS."
            ) from error
        except (Distrusted, NoAnswer, TooMuch, OSError) as error:
            raise SignerUnavailable(f"{name} gave no answer that can be used: {error}.") from error
        finally:
            door.close()
        if answer.status != 200:
            raise SignerUnavailable(f"{name} answered {answer.status}; its own log says why.")
        return answer.body

    return External(name, exchange)


def _token(settings: Settings) -> list[tuple[str, str]]:
    if not settings.signer_token_ref:
        return []
    try:
        return [("Authorization", f"Bearer {credentials.resolve(settings.signer_token_ref)}")]
    except SourceRefused as error:
        raise SignerUnavailable(f"The token of the signer can't be had: {error.message}") from error
