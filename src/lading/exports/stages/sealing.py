"""
Encrypting a verified package to the public keys of those who may read it; the last thing AUDITING does.

The plain package stays among the working files, which nobody is handed.  What goes through is hashed on its way, so
that what was encrypted is what was verified.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from lading.artifacts import age
from lading.errors import StorageFailed
from lading.exports.stages.work import Work

_NAME: Final = f"out/package.zip{age.SUFFIX}"


def encrypted(work: Work, package: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the facts of the encrypted package, None when nobody asked for one."""
    recipients = work.export.plan.handover.encrypt_to
    if not recipients:
        return None
    with work.blobs.open(package["key"]) as plain, work.blobs.writer(work.key(_NAME)) as sink:
        hashed = _Hashed(plain, work)
        age.encrypt(hashed, sink, recipients)
        if hashed.sha256 != package["sha256"]:
            raise StorageFailed("The package changed on disk while it was encrypted; it is not handed out.")
    return work.facts(_NAME)


class _Hashed(io.RawIOBase, BinaryIO):
    """A file that is hashed as it is read, and stops with its attempt."""

    def __init__(self, inner: BinaryIO, work: Work) -> None:
        super().__init__()
        self._inner: Final = inner
        self._work: Final = work
        self._hash: Final = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._inner.read(size)
        self._hash.update(data)
        self._work.advance(1, 1)
        return data

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()
