"""
Trust: the public keys somebody decided to believe, and the check of a signature against them.

The file is JSON: {"schema_version": "lading.trust/1", "instance": "…", "keys": [{"keyid", "purpose", "algorithm":
"ed25519", "public": base64 of the 32 raw bytes}]}.  `keyid` is the SHA-256 of the raw bytes in hex.  A key is believed
for its purpose only: "log" signs heads of ledgers, "package" signs statements.  Needs `cryptography`, not the server.

A key may also have "made_at", "retired_at" (it signs no more, and is believed for what it signed) and "revoked": {"at",
"trusted_until", "sizes": {origin: size}}.  A revoked package key is believed for nothing; a revoked log key for heads
of up to that size of that log.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

from lading.errors import InvalidInput
from lading_verify import keys as plain
from lading_verify.encoding import from_base64
from lading_verify.keys import KEY_BYTES

Purpose: TypeAlias = Literal["log", "package"]
PURPOSES: Final[tuple[Purpose, ...]] = ("log", "package")
SCHEMA: Final = "lading.trust/1"
_MAX_BYTES: Final = 16 << 20
_MAX_KEYS: Final = 1000
_MAX_SIZES: Final = 100_000
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 key that is believed for one purpose."""

    purpose: Purpose
    raw: bytes

    @property
    def keyid(self) -> str:
        """Return the name of the key: the SHA-256 of its raw bytes in hex."""
        return plain.keyid(self.raw)

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Return whether `signature` over `message` was made with this key."""
        return plain.signed(self.raw, message, signature)


@dataclass(frozen=True, slots=True)
class Revoked:
    """When a key was revoked, until when what it signed is believed, and up to which size of which log."""

    at: str
    trusted_until: str
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Life:
    """The life of a key, as instants in RFC 3339; None is what has not happened or is not known."""

    made_at: str | None = None
    retired_at: str | None = None
    revoked: Revoked | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys of an instance, or of several put together; `lives` by keyid, where something is known."""

    instance: str
    all_keys: tuple[PublicKey, ...]
    lives: Mapping[str, Life] = field(default_factory=dict[str, Life])

    @classmethod
    def load(cls, path: Path) -> Trust:
        """Read a trust file; InvalidInput says what is wrong with it."""
        try:
            with path.open("rb") as file:
                return cls.parse(file.read(_MAX_BYTES + 1))
        except OSError as error:
            raise InvalidInput(f"The trust file {path} can't be read: {error.strerror}. Check the path.") from error
        except InvalidInput as error:
            raise InvalidInput(f"{path}: {error.message}") from error

    @classmethod
    def parse(cls, data: bytes) -> Trust:
        """Return the trust that `data` holds; InvalidInput says what is wrong with it."""
        if len(data) > _MAX_BYTES:
            raise InvalidInput(f"A trust file has at most {_MAX_BYTES} bytes.")
        try:
            return _trust(json.loads(data))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidInput(
                f"This is not a trust file: {error}. Fetch trust.json from the instance again."
            ) from error

    def keys(self, purpose: Purpose) -> tuple[PublicKey, ...]:
        """Return the keys believed for `purpose` without a limit: none that was revoked."""
        return tuple(key for key in self.all_keys if key.purpose == purpose and self.revoked(key) is None)

    def log_keys(self, origin: str, size: int) -> tuple[PublicKey, ...]:
        """Return the keys believed for a head of that log at that size."""
        return tuple(key for key in self.all_keys if key.purpose == "log" and self._reaches(key, origin, size))

    def revoked(self, key: PublicKey) -> Revoked | None:
        """Return how `key` was revoked, None if it was not."""
        return self.life(key).revoked

    def life(self, key: PublicKey) -> Life:
        """Return what is known of the life of `key`."""
        return self.lives.get(key.keyid, Life())

    def with_keys(self, more: Iterable[PublicKey]) -> Trust:
        """Return this trust with the keys of `more` that it lacks."""
        return replace(self, all_keys=tuple(dict.fromkeys((*self.all_keys, *more))))

    def with_lives(self, lives: Mapping[str, Life]) -> Trust:
        """Return this trust with what `lives` tells; sizes that are known stay where `lives` tells none."""
        return replace(
            self, lives={**self.lives, **{keyid: self._joined(keyid, life) for keyid, life in lives.items()}}
        )

    def of_log(self, origin: str) -> Trust:
        """
        Return this trust with the sizes of that tenant's log, of its epochs and of the log over all tenants alone.

        Those of other tenants tell how much they do.
        """
        return replace(self, lives={keyid: _of_log(life, origin) for keyid, life in self.lives.items()})

    def dump(self) -> bytes:
        """Return the trust file."""
        document = {
            "schema_version": SCHEMA,
            "instance": self.instance,
            "keys": [{**_shown(key), **_shown_life(self.life(key))} for key in self.all_keys],
        }
        return json.dumps(document, indent=2).encode() + b"\n"

    def _joined(self, keyid: str, life: Life) -> Life:
        known = self.lives.get(keyid, Life()).revoked
        if life.revoked is None or known is None:
            return life
        return replace(life, revoked=replace(life.revoked, sizes={**known.sizes, **life.revoked.sizes}))

    def _reaches(self, key: PublicKey, origin: str, size: int) -> bool:
        revoked = self.revoked(key)
        return revoked is None or size <= revoked.sizes.get(origin, -1)


class Signing(Protocol):
    """
    What signs: one key (`keys.Signer`), a key that is kept elsewhere, or the keys of a purpose as they are rotated.

    What is signed once, such as a statement, is signed by `signers()[0]`, taken once and used for both `public` and
    `sign`: between two calls the key may be another.  What bears many signatures, such as a head, by all of them.
    """

    @property
    def public(self) -> PublicKey:
        """Return the key that verifies."""
        ...

    @property
    def is_local(self) -> bool:
        """Tell whether signing takes no call to anything outside this process."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`; SignerUnavailable when a key that is kept elsewhere can't be used."""
        ...

    def signers(self) -> Sequence[Signing]:
        """Return the keys that sign now, the one in force first, then those that overlap with it."""
        ...


def _shown(key: PublicKey) -> dict[str, Any]:
    public = base64.b64encode(key.raw).decode()
    return {"keyid": key.keyid, "purpose": key.purpose, "algorithm": "ed25519", "public": public}


def _shown_life(life: Life) -> dict[str, Any]:
    told = {"made_at": life.made_at, "retired_at": life.retired_at}
    shown: dict[str, Any] = {name: instant for name, instant in told.items() if instant is not None}
    if life.revoked is not None:
        shown["revoked"] = {
            "at": life.revoked.at,
            "trusted_until": life.revoked.trusted_until,
            "sizes": dict(sorted(life.revoked.sizes.items())),
        }
    return shown


def _of_log(life: Life, origin: str) -> Life:
    if life.revoked is None:
        return life
    logs = (origin, f"{origin.rpartition('/t/')[0]}/instance")
    sizes = {
        name: size
        for name, size in life.revoked.sizes.items()
        if name in logs or any(name.startswith(f"{log}/e") for log in logs)  # an epoch of it
    }
    return replace(life, revoked=replace(life.revoked, sizes=sizes))


def _trust(document: Any) -> Trust:
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA:
        raise ValueError(f"schema_version is not {SCHEMA!r}")
    keys = document["keys"]
    if not isinstance(keys, list) or len(keys) > _MAX_KEYS:
        raise ValueError("keys is not a list, or too long")
    lives = {entry["keyid"]: _life(entry) for entry in keys}
    known = {keyid: life for keyid, life in lives.items() if life != Life()}
    return Trust(str(document["instance"]), tuple(key_of(entry) for entry in keys), known)


def key_of(entry: Any) -> PublicKey:
    """Return the key that a trust file or a keyring shows; ValueError, LookupError or TypeError if it is none."""
    if entry["algorithm"] != "ed25519" or entry["purpose"] not in PURPOSES:
        raise ValueError("a key is not ed25519 for log or package")
    raw = from_base64(entry["public"])
    key = PublicKey(entry["purpose"], raw)
    if len(raw) != KEY_BYTES or key.keyid != entry["keyid"]:
        raise ValueError("a keyid is not the SHA-256 of its key")
    return key


def _life(entry: Any) -> Life:
    revoked = entry.get("revoked")
    if revoked is not None:
        sizes = revoked.get("sizes", {})
        if len(sizes) > _MAX_SIZES or not all(type(size) is int and size >= 0 for size in sizes.values()):
            raise ValueError("the sizes of a revoked key are not counts, or too many")
        revoked = Revoked(instant_of(revoked["at"]), instant_of(revoked["trusted_until"]), dict(sizes))
    made, retired = entry.get("made_at"), entry.get("retired_at")
    return Life(None if made is None else instant_of(made), None if retired is None else instant_of(retired), revoked)


def instant_of(text: Any) -> str:
    """Return `text` if it is an instant in UTC; else raise ValueError."""
    if not isinstance(text, str) or _INSTANT.fullmatch(text) is None:
        raise ValueError("an instant of a key is not RFC 3339 in UTC")
    return text
