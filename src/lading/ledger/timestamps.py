"""
Time stamps (RFC 3161) over the heads of the instance's log: somebody else's word that a head existed by then.

The answer of the authority is verified against the certificates that the operator trusts before it is kept, and it is
kept once, as it came: whoever has the head and those certificates can check it with other programs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

import rfc3161_client
from cryptography import x509

from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import TimeStampRefused

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest, TimeStampResponse

_SQL: Final = Statements("lading.ledger")
_AT_ONCE: Final = 5
MOST_BYTES: Final = 64 << 10
MEDIA_TYPE: Final = "application/timestamp-query"

Exchange: TypeAlias = Callable[[bytes], bytes]
"""Brings a request to the authority and its answer back."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """An answer of the authority, whole, and the time it tells."""

    token: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Unstamped:
    """A head of the instance's log that lacks a stamp."""

    size: int
    note: str


def stamp(message: bytes, exchange: Exchange, roots: Sequence[x509.Certificate]) -> Stamp:
    """Return the authority's stamp over `message`; TimeStampRefused when it is not one that `roots` vouch for."""
    request = (
        rfc3161_client.TimestampRequestBuilder()
        .data(message)
        .hash_algorithm(rfc3161_client.HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    return verified(exchange(request.as_bytes()), message, roots, request)


def verified(
    token: bytes, message: bytes, roots: Sequence[x509.Certificate], request: TimeStampRequest | None = None
) -> Stamp:
    """Return the stamp that `token` is over `message`; TimeStampRefused when it is none."""
    if len(token) > MOST_BYTES:
        raise TimeStampRefused(f"The time-stamp authority answered with over {MOST_BYTES} bytes.")
    try:
        answer: TimeStampResponse = rfc3161_client.decode_timestamp_response(token)
        builder = rfc3161_client.VerifierBuilder()
        if request is not None and request.nonce is not None:
            builder = builder.nonce(request.nonce)
        for root in roots:
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(answer, message)
        return Stamp(token, answer.tst_info.gen_time)
    except (ValueError, rfc3161_client.VerificationError) as error:
        raise TimeStampRefused(f"The answer of the time-stamp authority is no good stamp: {error}.") from error


async def unstamped(tx: Transaction) -> Sequence[Unstamped]:
    """Return the newest heads that lack a stamp, a few."""
    return [Unstamped(row["size"], row["note"]) for row in await tx.all(_SQL["unstamped"], limit=_AT_ONCE)]


async def keep(tx: Transaction, size: int, found: Stamp) -> None:
    """Keep the stamp of the head at `size`, unless it has one."""
    await tx.run(_SQL["stamp"], size=size, token=found.token, stamped_at=found.at)


async def token(tx: Transaction, size: int) -> bytes | None:
    """Return the stamp (a TimeStampResp) of the head of the instance's log at `size` places, None if it has none."""
    row = await tx.maybe(_SQL["time_stamp"], size=size)
    return None if row is None else bytes(row["token"])
