"""
Words in the ledger: a line commits to them, a table opens them, and erasing them there leaves every proof as it is.

The commitment to a text at `path` is the SHA-256 of salt, path and text; the salt is 32 random bytes, so that nobody
finds a short text by trying.  It stands in the line as `sd`: {path: base64}.  Who has line, salt and text checks that
these were the words; when the table's row is gone (`erasure`), nobody can tell any more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg.sql import SQL

from lading import canonical
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.ledger.entry import Entry, Private

_SQL: Final = Statements("lading.ledger")
_SALT_BYTES: Final = 32
_MARK: Final = b'"sd":{'


@dataclass(frozen=True, slots=True)
class Committed:
    """Words of an entry, and what its line says in their place."""

    path: str
    words: str
    about: str | None
    salt: bytes

    @property
    def commitment(self) -> bytes:
        """Return what the line says."""
        return commitment(self.salt, self.path, self.words)


@dataclass(frozen=True, slots=True)
class Opening:
    """The words behind a commitment of the entry at `index`."""

    index: int
    subject: str
    path: str
    salt: bytes
    value: str

    def line(self) -> bytes:
        """Return the opening as bundles hold it."""
        return canonical.encode({
            "index": self.index, "path": self.path, "salt": base64.b64encode(self.salt).decode(),
            "subject": self.subject, "value": self.value,
        })  # fmt: skip


def commitment(salt: bytes, path: str, words: str) -> bytes:
    """
    Return the commitment to `words` at `path`.

    >>> commitment(bytes(32), "reason", "Ann is on leave").hex()[:16]
    '7458bfd0c4a0e110'
    """
    return hashlib.sha256(salt + path.encode() + words.encode()).digest()


def committed(entry: Entry) -> list[Committed]:
    """Return the private words of `entry`, each with a fresh salt."""
    return [
        Committed(path, value.words, value.about, secrets.token_bytes(_SALT_BYTES))
        for path, value in entry.data.items()
        if type(value) is Private
    ]


async def openings(tx: Transaction, entries: Iterable[tuple[int, bytes]]) -> Sequence[Opening]:
    """Return what is left of the words that these entries, pairs of index and line, commit to: by index and path."""
    wanted = {
        digest: (index, path)
        for index, line in entries
        if _MARK in line
        for path, digest in in_line(line).items()
    }  # fmt: skip
    if not wanted:
        return []
    rows = await tx.all(_SQL["openings"], tenant_id=tx.tenant, commitments=list(wanted))
    found = [
        Opening(wanted[bytes(row["commitment"])][0], row["subject"], row["path"], bytes(row["salt"]), row["value"])
        for row in rows
    ]
    return sorted(found, key=lambda each: (each.index, each.path))


async def forget(tx: Transaction, about: str) -> None:
    """Erase the words about a person, by outer id, together with the person's own row."""
    await tx.run(_SQL["forget_about"], tenant_id=tx.tenant, about=about)


def statement(given: Sequence[tuple[UUID, Entry, Committed]]) -> tuple[SQL, dict[str, Any]]:
    """Return the statement that keeps these words, and what it is given."""
    return _SQL["disclose"], {
        "tenants": [tenant for tenant, _, _ in given],
        "commitments": [each.commitment for _, _, each in given],
        "subjects": [entry.subject for _, entry, _ in given],
        "paths": [each.path for _, _, each in given],
        "actors": [entry.actor.id for _, entry, _ in given],
        "abouts": [each.about for _, _, each in given],
        "salts": [each.salt for _, _, each in given],
        "words": [each.words for _, _, each in given],
    }


def in_line(line: bytes) -> dict[str, bytes]:
    """Return what a line commits to, by path."""
    told = json.loads(bytes(line)).get("sd") or {}
    return {path: base64.b64decode(digest) for path, digest in told.items()}
