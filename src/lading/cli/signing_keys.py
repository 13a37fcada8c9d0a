"""`lading signing-keys`: what this installation signs heads and packages with; for who runs it, on its machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from lading import settings as configuration
from lading.cli import asking, output
from lading.errors import InvalidInput, ReasonRequired
from lading.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from lading.ledger.keyring import Keyring, Statement
    from lading.ledger.keys import KeyStore
    from lading.ledger.trust import PublicKey

_LIST = {
    "purpose": "purpose",
    "state": "state",
    "keyid": "keyid",
    "made": "made_at",
    "retired": "retired_at",
    "revoked": "revoked_at",
}
_SHOW = {**_LIST, "trusted until": "trusted_until", "kept": "kept", "public": "public"}


@dataclass(frozen=True, slots=True)
class _Shown:
    purpose: str
    state: str
    keyid: str
    made_at: str | None
    retired_at: str | None
    revoked_at: str | None
    trusted_until: str | None
    kept: str
    public: str


@click.group()
def command() -> None:
    """
    See, rotate, revoke and export what this installation signs heads and packages with.

    These commands work on the data directory (LADING_DATA_DIR) of this machine: private keys never travel.

    Example: lading signing-keys rotate log --reason "yearly"
    """


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(*, as_json: bool) -> None:
    """
    List every key that signs or ever signed here.

    Example: lading signing-keys list
    """
    store, _ = _opened()
    ring = store.ring()
    output.rows("json" if as_json else "table", _LIST, [_shown(store, ring, key) for key in ring.keys().values()])


@command.command()
@click.argument("keyid", metavar="KEY")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(keyid: str, *, as_json: bool) -> None:
    """
    Show a key, named by the beginning of its id.

    Example: lading signing-keys show 3f2a9c
    """
    from lading.ledger import rotation

    store, _ = _opened()
    ring = store.ring()
    output.facts("json" if as_json else "table", _shown(store, ring, rotation.find(ring, keyid)), _SHOW)


@command.command()
@click.argument("purpose", type=click.Choice(["log", "package"]))
@click.option("--overlap-days", type=click.IntRange(0, 400), default=30, show_default=True, help="Both are in use.")
@asking.grounds
def rotate(purpose: str, *, overlap_days: int, reason: str, ticket: str | None) -> None:
    """
    Replace a key; the old one stays believed for what it signed.

    Heads are signed by both until the overlap ends.  Packages are signed by the old key until then, so that everybody
    who checks them has time to fetch the trust file again.

    Example: lading signing-keys rotate log --overlap-days 30 --reason "yearly" --ticket OPS-7
    """
    from datetime import timedelta

    from lading.ledger import rotation

    _admit(reason, ticket)
    store, settings = _opened()
    _ready(settings)
    told = rotation.rotate(store, "log" if purpose == "log" else "package", overlap=timedelta(days=overlap_days))
    _tell(store, settings, [told], reason=reason, ticket=ticket)


@command.command()
@click.argument("keyid", metavar="KEY")
@click.option("--code", type=click.Choice(["compromised", "lost", "superseded"]), required=True, help="What happened.")
@click.option("--trusted-until", metavar="INSTANT", help="When it was last in good hands, RFC 3339; now if not given.")
@asking.grounds
@click.option("--yes", is_flag=True, help="Do not ask.")
def revoke(
    keyid: str, *, code: str, trusted_until: str | None, reason: str, ticket: str | None, yes: bool
) -> None:  # fmt: skip
    """
    Make a key worthless beyond what it signed in good hands; if it is in force, another takes its place at once.

    A lost key can't vouch for the next one: auditors have to pin that anew.

    Example: lading signing-keys revoke 3f2a9c --code compromised --reason "backup stolen" --ticket SEC-3
    """
    from typing import cast

    from lading.ledger import rotation
    from lading.ledger.keyring import Code

    _admit(reason, ticket)
    until = None if trusted_until is None else _instant(trusted_until)
    store, settings = _opened()
    key = rotation.find(store.read(), keyid)
    asking.confirm(f"Revoke the {key.purpose} key {key.keyid}? This can't be taken back.", yes=yes)
    _ready(settings)
    told = rotation.revoke(store, key.keyid, code=cast("Code", code), trusted_until=until)
    _tell(store, settings, told, reason=reason, ticket=ticket)


@command.command()
@click.option("--keyring", is_flag=True, help="What became of the keys, signed by them, instead of the keys.")
@click.option("--tenant", metavar="SLUG", help="For auditors of this tenant: its sizes under revoked keys, too.")
def export(*, keyring: bool, tenant: str | None) -> None:
    """
    Print the public keys, for auditors to pin: the file trust.json.

    Up to which size of a ledger a revoked key is believed is told only of the --tenant: names and sizes of others are
    nobody's business.

    Example: lading signing-keys export --tenant nordlys > trust.json
    """
    store, settings = _opened()
    if keyring:
        click.echo(store.ring().dump(), nl=False)
        return
    origin = "" if tenant is None else f"{settings.instance}/t/{tenant}"
    click.echo(store.known().of_log(origin).dump(), nl=False)


def _opened() -> tuple[KeyStore, Settings]:
    from lading.wiring import signing

    settings = configuration.from_environment()
    return signing.store(settings), settings


def _ready(settings: Settings) -> None:
    """Refuse before anything is changed when the ledgers could not be told."""
    from lading.db.migrate import outstanding
    from lading.wiring import database

    asyncio.run(outstanding(database.url_for_another_process(settings)))


def _tell(store: KeyStore, settings: Settings, told: list[Statement], *, reason: str, ticket: str | None) -> None:
    from lading.wiring import signing

    asyncio.run(signing.announce(settings, store, reason=reason, ticket=ticket))
    for each in told:
        output.talk(f"The {each.key.purpose} key {each.key.keyid} was {each.action}.")
    output.talk("Give auditors the new trust file: lading signing-keys export --tenant SLUG > trust.json")


def _admit(reason: str, ticket: str | None) -> None:
    from lading.ledger.entry import is_ticket

    if not reason.strip():
        raise ReasonRequired.field("reason", "is required: say why, in a sentence.", code="required")
    if len(reason) > 500:
        raise InvalidInput.field("reason", "is over 500 characters; shorten it.")
    if ticket is not None and not is_ticket(ticket):
        raise InvalidInput.field("ticket", "is no ticket number; use up to 60 of A-Z a-z 0-9 . _ # / -.")


def _instant(text: str) -> datetime:
    from lading import clock

    try:
        return clock.parse(text)
    except ValueError as error:
        raise InvalidInput(f"--trusted-until is no instant: {error}. Write 2026-11-22T01:00:00Z.") from error


def _shown(store: KeyStore, ring: Keyring, key: PublicKey) -> _Shown:
    import base64
    from datetime import UTC, datetime

    from lading import clock

    life, now = ring.lives()[key.keyid], clock.show(datetime.now(UTC))
    return _Shown(
        key.purpose,
        _state(ring, key, now),
        key.keyid,
        life.made_at,
        life.retired_at,
        None if life.revoked is None else life.revoked.at,
        None if life.revoked is None else life.revoked.trusted_until,
        "here" if store.path(ring, key).exists() else "elsewhere or nowhere",
        base64.b64encode(key.raw).decode(),
    )


def _state(ring: Keyring, key: PublicKey, now: str) -> str:
    if ring.lives()[key.keyid].revoked is not None:
        return "revoked"
    signing = ring.in_force(key.purpose, now)
    if key in signing:
        return "in force" if key == signing[0] else "overlaps"
    newest = ring.newest(key.purpose)
    return "announced" if newest is not None and newest.key == key else "retired"
