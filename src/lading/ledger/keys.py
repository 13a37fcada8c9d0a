"""
The signing keys of an instance: made on first start, kept as files, never shown.

Two Ed25519 keys, because one key must not sign two kinds of things: "log" signs heads, "package" signs statements.
`load_or_create` may run in many processes at once; all of them get the same keys.  `trust.json` beside them holds the
public halves, also of keys replaced since, so that what they signed can still be verified.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from lading.errors import EnvironmentUnfit, InvalidInput
from lading.ledger import key_files
from lading.ledger.trust import PublicKey, Purpose, Trust

TRUST_FILE: Final = "trust.json"
_INSTANCE: Final = re.compile(r"[A-Za-z0-9._:/-]{1,120}")


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and what it may sign."""

    public: PublicKey
    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, purpose: Purpose, private: Ed25519PrivateKey) -> Signer:
        """Return the signer that uses `private`."""
        return cls(PublicKey(purpose, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)), private)

    @classmethod
    def generate(cls, purpose: Purpose) -> Signer:
        """Return a signer with a fresh key."""
        return cls.of(purpose, Ed25519PrivateKey.generate())

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`; the same for the same message."""
        return self._private.sign(message)

    def pem(self) -> bytes:
        """Return the private key for the key file, and for nothing else."""
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of an instance."""

    log: Signer
    package: Signer
    trust: Trust


def load_or_create(keys_dir: Path, instance: str) -> Keys:
    """Return the instance's keys, made on the first call; EnvironmentUnfit names what can't be used."""
    if _INSTANCE.fullmatch(instance) is None:
        # It begins the origin of every log, and a head of an origin that no note can hold could never be signed.
        raise EnvironmentUnfit(
            f"LADING_INSTANCE={instance!r} is no name for logs; use letters, digits, dots and hyphens."
        )
    try:
        keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys_dir.chmod(0o700)
        log, package = _load_or_create(keys_dir, "log"), _load_or_create(keys_dir, "package")
        trust = _known(keys_dir / TRUST_FILE, instance).with_keys((log.public, package.public))
        _publish(keys_dir / TRUST_FILE, trust.dump())
    except OSError as error:
        raise EnvironmentUnfit(
            f"The signing keys in {keys_dir} can't be read or made: {error.strerror}. Check who owns the folder."
        ) from error
    return Keys(log, package, trust)


def _load_or_create(keys_dir: Path, purpose: Purpose) -> Signer:
    path = keys_dir / f"{purpose}.key"
    key_files.create(path, lambda: Signer.generate(purpose).pem())
    if path.stat().st_mode & 0o077:
        raise EnvironmentUnfit(f"The signing key {path} can be read by others. Run: chmod 600 {path}")
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise EnvironmentUnfit(f"The signing key {path} is damaged. Restore it from your backup.") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise EnvironmentUnfit(f"The signing key {path} is not an Ed25519 key. Restore it from your backup.")
    return Signer.of(purpose, private)


def _known(path: Path, instance: str) -> Trust:
    if not path.exists():
        return Trust(instance, ())
    try:
        return Trust(instance, Trust.load(path).all_keys)
    except InvalidInput as error:
        raise EnvironmentUnfit(f"{error.message} Or remove it: it is made again from the keys in use.") from error


def _publish(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    key_files.replace(path, content)
