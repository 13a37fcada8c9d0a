"""
Encryption to public keys in the age format (age-encryption.org/v1), as a stream.

Recipients are X25519 keys (`age1…`) and ssh-ed25519 keys.  What is encrypted twice differs each time: the format draws
a fresh key for every file.  Memory stays small whatever the size: chunks of 64 KiB pass through.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyrage

from lading.errors import InvalidInput, PackageInvalid

SUFFIX: Final = ".age"
MEDIA_TYPE: Final = "application/x-age-encryption"
_RAGE: Final[Any] = pyrage  # ships no types
_LONGEST: Final = 800
_SSH: Final = "ssh-ed25519 "
_IDENTITY_BYTES: Final = 64 << 10


def recipient(text: str) -> object | None:
    """
    Return the public key that `text` is, None if it is none.

    >>> recipient("age1ann") is None
    True
    """
    given = text.strip()
    if len(text) > _LONGEST or not given.isascii() or not given.isprintable():
        return None
    kind = _RAGE.ssh if given.startswith(_SSH) else _RAGE.x25519
    try:
        return kind.Recipient.from_str(given)
    except _RAGE.RecipientError:
        return None


def encrypt(source: BinaryIO, sink: BinaryIO, recipients: Sequence[str]) -> None:
    """Write what `source` holds to `sink`, for `recipients`; an exception of either file comes through as it is."""
    keys = [recipient(each) for each in recipients]
    if not keys or None in keys:
        raise ValueError("not every recipient is a public key")
    _piped(lambda given, taken: _RAGE.encrypt_io(given, taken, keys), source, sink)


def decrypt(source: BinaryIO, sink: BinaryIO, identity: Path) -> None:
    """Write the plain content of `source` to `sink`; PackageInvalid when the key does not fit or a byte is wrong."""
    keys = _identities(identity)
    try:
        _piped(lambda given, taken: _RAGE.decrypt_io(given, taken, keys), source, sink)
    except (_RAGE.DecryptError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of a file; what the library finds wrong with a chunk has no number
        raise PackageInvalid(
            f"The package can't be decrypted ({error}): it is not encrypted to a key of {identity}, or it is damaged."
        ) from None


def _identities(path: Path) -> list[Any]:
    """Return the secret keys of a file as age-keygen or ssh-keygen write it."""
    try:
        with path.open("rb") as file:
            content = file.read(_IDENTITY_BYTES)
        if content.startswith(b"-----BEGIN"):
            return [_RAGE.ssh.Identity.from_buffer(content)]
        lines = [line.strip() for line in content.decode("ascii").splitlines()]
        found = [_RAGE.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (OSError, UnicodeDecodeError, _RAGE.IdentityError):
        found = []
    if not found:
        raise InvalidInput.field("--identity", f"{path} holds no secret key of age or ssh-ed25519; check the path.")
    return found


class _Pipe(io.RawIOBase):
    """A file as the library takes it, which remembers what went wrong: the library tells but its words."""

    def __init__(self, inner: BinaryIO) -> None:
        super().__init__()
        self._inner: Final = inner
        self.fault: BaseException | None = None

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._inner.read(size)
        except BaseException as error:
            self.fault = error
            raise

    def write(self, data: Any, /) -> int:
        try:
            return self._inner.write(data)
        except BaseException as error:
            self.fault = error
            raise


def _piped(work: Any, source: BinaryIO, sink: BinaryIO) -> None:
    given, taken = _Pipe(source), _Pipe(sink)
    try:
        work(given, taken)
    except Exception:
        for pipe in (taken, given):
            if pipe.fault is not None:
                raise pipe.fault from None
        raise
