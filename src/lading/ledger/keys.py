"""
The signing keys of an instance: made on first start, kept as files, never shown.

Two purposes, because one key must not sign two kinds of things: "log" signs heads, "package" signs statements.
`load_or_create` may run in many processes at once; all of them get the same keys, and learn of a rotation when they
sign next.  Beside the keys lie `keyring.json`, the chain of what became of them (`keyring`), and `trust.json`, the
public halves for auditors, also of keys replaced since.  `rotation` replaces and revokes keys.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from lading import clock
from lading.errors import EnvironmentUnfit, InvalidInput
from lading.ledger import key_files, keyring
from lading.ledger.keyring import Keyring, Statement
from lading.ledger.trust import PURPOSES, Life, PublicKey, Purpose, Signing, Trust

TRUST_FILE: Final = "trust.json"
KEYRING_FILE: Final = "keyring.json"
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

    @property
    def is_local(self) -> bool:
        """Say that nothing outside this process is needed."""
        return True

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`; the same for the same message."""
        return self._private.sign(message)

    def signers(self) -> Sequence[Signing]:
        """Return this key alone."""
        return (self,)

    def pem(self) -> bytes:
        """Return the private key for the key file, and for nothing else."""
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Provider(Protocol):
    """Whoever keeps private keys elsewhere: a module, a service."""

    def public(self, purpose: Purpose) -> PublicKey:
        """Return the key that is to sign from now on; SignerUnavailable if it can't be told."""
        ...

    def signer(self, key: PublicKey) -> Signing:
        """Return what signs with `key`."""
        ...


class KeyStore:
    """The keys in a folder as they are now; used from many threads."""

    def __init__(self, keys_dir: Path, instance: str, provider: Provider | None = None) -> None:
        self.folder: Final = keys_dir
        self.instance: Final = instance
        self.provider: Final = provider
        self._lock: Final = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._ring = Keyring(instance)
        self._signers: dict[str, Signing] = {}

    def ring(self) -> Keyring:
        """Return the keyring as it is on disk now."""
        with self._lock, _explained(self.folder):
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                self._ring, self._seen = self.read(), seen
            return self._ring

    def read(self) -> Keyring:
        """Return the keyring file, an empty chain when there is none yet."""
        try:
            return keyring.read(self._path.read_bytes())
        except FileNotFoundError:
            return Keyring(self.instance)
        except InvalidInput as error:
            raise EnvironmentUnfit(f"{self._path}: {error.message} Or restore it from your backup.") from error

    def signers(self, purpose: Purpose) -> Sequence[Signing]:
        """Return what signs for `purpose` now, the key in force first."""
        ring = self.ring()
        in_force = ring.in_force(purpose, clock.show(clock.now()))
        return [self.signer(ring, key) for key in in_force]

    def signer(self, ring: Keyring, key: PublicKey) -> Signing:
        """Return what signs with `key`: its file here, else whoever keeps keys elsewhere."""
        with self._lock:
            if key.keyid not in self._signers:
                self._signers[key.keyid] = self._opened(ring, key)
            return self._signers[key.keyid]

    def path(self, ring: Keyring, key: PublicKey) -> Path:
        """Return where the private half of `key` is kept, if it is kept here."""
        first = next((each.key for each in ring.statements if each.key.purpose == key.purpose), key)
        return self.folder / (f"{key.purpose}.key" if key == first else f"{key.purpose}-{key.keyid[:16]}.key")

    def publish(self, ring: Keyring) -> Trust:
        """Put the keyring and what auditors pin on disk, and return the latter; private keys whose time is over go."""
        _publish(self._path, ring.dump())
        trust = self.known().with_keys(ring.keys().values()).with_lives(ring.lives())
        _publish(self.folder / TRUST_FILE, trust.dump())
        now = clock.show(clock.now())
        for key in ring.keys().values():
            life = ring.lives()[key.keyid]
            if life.revoked is not None or (life.retired_at is not None and life.retired_at <= now):
                self.path(ring, key).unlink(missing_ok=True)
        return trust

    def say(self, lives: Mapping[str, Life]) -> None:
        """Put what became of keys into what auditors pin; the sizes up to which a revoked key is believed are there."""
        known = self.known()
        told = {
            keyid: replace(known.lives.get(keyid, Life()), revoked=life.revoked) for keyid, life in lives.items()
        }  # fmt: skip
        _publish(self.folder / TRUST_FILE, known.with_lives(told).dump())

    def known(self) -> Trust:
        """Return the trust file, with no key when there is none yet."""
        path = self.folder / TRUST_FILE
        if not path.exists():
            return Trust(self.instance, ())
        try:
            known = Trust.load(path)
        except InvalidInput as error:
            raise EnvironmentUnfit(f"{error.message} Or remove it: it is made again from the keys in use.") from error
        return Trust(self.instance, known.all_keys, known.lives)

    @property
    def _path(self) -> Path:
        return self.folder / KEYRING_FILE

    def _opened(self, ring: Keyring, key: PublicKey) -> Signing:
        path = self.path(ring, key)
        if path.exists():
            found = _load(path, key.purpose)
            if found.public != key:
                raise EnvironmentUnfit(f"{path} does not hold the key {key.keyid}. Restore it from your backup.")
            return found
        if self.provider is not None:
            return self.provider.signer(key)
        raise EnvironmentUnfit(
            f"The signing key {path} is missing. Restore it from your backup, or say that it is lost: "
            f"lading signing-keys revoke {key.keyid} --code lost --reason …"
        )


@dataclass(frozen=True, slots=True)
class Rotating:
    """The keys of a purpose as they are when something is signed."""

    store: KeyStore = field(repr=False)
    purpose: Purpose

    @property
    def public(self) -> PublicKey:
        """Return the key in force."""
        return self.signers()[0].public

    @property
    def is_local(self) -> bool:
        """Tell whether every key that signs now is kept here."""
        return all(each.is_local for each in self.signers())

    def sign(self, message: bytes) -> bytes:
        """Return the signature of the key in force over `message`."""
        return self.signers()[0].sign(message)

    def signers(self) -> Sequence[Signing]:
        """Return what signs now, the key in force first."""
        return self.store.signers(self.purpose)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of an instance; `trust` is as it was when they were opened."""

    log: Rotating
    package: Rotating
    trust: Trust

    @property
    def store(self) -> KeyStore:
        """Return where the keys are."""
        return self.log.store


def load_or_create(keys_dir: Path, instance: str, provider: Provider | None = None) -> Keys:
    """Return the instance's keys, made on the first call; EnvironmentUnfit names what can't be used."""
    if _INSTANCE.fullmatch(instance) is None:
        # It begins the origin of every log, and a head of an origin that no note can hold could never be signed.
        raise EnvironmentUnfit(
            f"LADING_INSTANCE={instance!r} is no name for logs; use letters, digits, dots and hyphens."
        )
    store = KeyStore(keys_dir, instance, provider)
    with locked(keys_dir):
        ring = store.read()
        for purpose in PURPOSES:
            if ring.newest(purpose) is None:
                ring = _begun(store, ring, purpose)
        trust = store.publish(ring)
    for purpose in PURPOSES:
        store.signers(purpose)
    return Keys(Rotating(store, "log"), Rotating(store, "package"), trust)


@contextmanager
def locked(keys_dir: Path) -> Iterator[None]:
    """Keep other processes from changing the keys meanwhile."""
    with _explained(keys_dir):
        keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys_dir.chmod(0o700)
        folder = os.open(keys_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def new_key(store: KeyStore, purpose: Purpose, path: Path | None = None) -> Signing:
    """Return a key to sign with from now on: of whoever keeps them elsewhere, else a fresh one in a file."""
    if store.provider is not None:
        return store.provider.signer(store.provider.public(purpose))
    made = Signer.generate(purpose)
    kept = store.folder / f"{purpose}-{made.public.keyid[:16]}.key" if path is None else path
    key_files.create(kept, made.pem)
    return _load(kept, purpose)


def _begun(store: KeyStore, ring: Keyring, purpose: Purpose) -> Keyring:
    path = store.folder / f"{purpose}.key"
    # A file that is there wins: an installation older than keyrings, or one whose keyring was lost.
    signer = _load(path, purpose) if path.exists() else new_key(store, purpose, path)
    key = signer.public
    told = Statement("made", key, key.keyid, clock.show(clock.now()))
    return keyring.extended(ring, told, [signer])


@contextmanager
def _explained(keys_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentUnfit(
            f"The signing keys in {keys_dir} can't be read or made: {error.strerror}. Check who owns the folder."
        ) from error


def _load(path: Path, purpose: Purpose) -> Signer:
    if path.stat().st_mode & 0o077:
        raise EnvironmentUnfit(f"The signing key {path} can be read by others. Run: chmod 600 {path}")
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise EnvironmentUnfit(f"The signing key {path} is damaged. Restore it from your backup.") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise EnvironmentUnfit(f"The signing key {path} is not an Ed25519 key. Restore it from your backup.")
    return Signer.of(purpose, private)


def _publish(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    key_files.replace(path, content)
