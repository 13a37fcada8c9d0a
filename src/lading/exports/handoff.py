"""
A receiver as a destination: the package is the body of one signed request.

PUT brings it to a name below the receiver's URL, POST to the URL itself.  Its size, media type and SHA-256 (RFC 9530)
go ahead of it; `webhook-id` is the same for every attempt, so that who has taken it before can say so without taking it
again.  The signature is that of Standard Webhooks, made of the digest instead of the body: it can be checked before a
byte of the package is read, and by their libraries.

The call goes through the guard (ADR 0011): to an address that was judged, without redirects.  Of what is answered only
status and headers are read.  A request can't be gone on with: what was cut is sent again from its first byte.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

import lading
from lading import failpoints
from lading.artifacts.carrying import CHUNK_BYTES, Advance, Journal, Lying, Parcel, damaged, holds
from lading.errors import (
    DestinationError,
    DestinationFull,
    DestinationRefused,
    DestinationTaken,
    DestinationThrottled,
    DestinationTimeout,
    DestinationUnreachable,
)
from lading.sources import guard
from lading.sources.guarded import Distrusted, Door, NoAnswer, Opened, TooSlow
from lading.sources.http_calls import retry_after
from lading.webhooks import rules

_TRIAL: Final = "lading:trial"
_SECRET: Final = re.compile(r"whsec_([A-Za-z0-9+/]{32,86})={0,2}")
_SHOWN: Final = re.compile(r"[!-~]+( [!-~]+)?")
_DIGEST: Final = re.compile(r"(?:^|[ ,])sha-256=:([A-Za-z0-9+/]{43}=):")
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_TAKEN: Final = frozenset({409, 412})


@dataclass(frozen=True, slots=True)
class Secret:
    """What signs, newest first, and what is shown in a header."""

    keys: Sequence[bytes] = field(repr=False)
    shown: str = field(repr=False)


def carrier(
    options: Mapping[str, str], secret: str, seconds: int, networks: Sequence[guard.Network], at: datetime
) -> HandoffCarrier:
    """Return what brings packages to the receiver of `options` in an attempt of `at`."""
    return HandoffCarrier(options, read_secret(secret), seconds, networks, at)


def read_secret(text: str) -> Secret:
    """
    Return what a line of credentials holds: one or two `whsec_…`, and then perhaps the value of a header.

    >>> found = read_secret("whsec_" + "a" * 43 + "= Bearer xyz")
    >>> len(found.keys), found.shown
    (1, 'Bearer xyz')
    """
    words, keys = text.split(), list[bytes]()
    while words and (found := _SECRET.fullmatch(words[0])) is not None and len(found[1]) % 4 != 1:
        keys.append(base64.b64decode(found[1] + "=" * (-len(found[1]) % 4)))
        words.pop(0)
    shown = " ".join(words)
    if len(keys) > 2 or (shown and not _SHOWN.fullmatch(shown)) or "whsec" in shown:
        raise DestinationRefused(
            "The destination's credentials must read whsec_SECRET, with a second whsec_SECRET while it is replaced, "
            "and then what the header shows, such as Bearer TOKEN; correct what is stored there."
        )
    return Secret(keys, shown)


class HandoffCarrier:
    """Hands packages to one receiver."""

    def __init__(
        self,
        options: Mapping[str, str],
        secret: Secret,
        seconds: int,
        networks: Sequence[guard.Network],
        at: datetime,
    ) -> None:
        origin = guard.origin_of(options["url"])
        if origin is None:
            raise DestinationRefused("The url of the destination is no plain URL; correct it.")
        self._origin: Final = origin
        self._path: Final = guard.target_of(options["url"])
        self._method: Final = options.get("method", "PUT")
        self._header: Final = options.get("header", "Authorization")
        self._is_read: Final = options.get("verify") == "read"
        self._secret: Final = secret
        self._seconds: Final = seconds
        self._networks: Final = networks
        self._at: Final = int(at.timestamp())

    def carry(self, parcel: Parcel, journal: Journal, advance: Advance) -> str:
        """Hand the package over; what the receiver says of it decides."""
        target = self._target(parcel.name)
        journal.confirm()
        with closing(self._door()) as door:
            status = self._handed(door, target, parcel, advance)
            failpoints.reach("delivery.handed")
            if self._method == "PUT" and (status in _TAKEN or self._is_read):
                self._compare(door, target, parcel, status)
        advance(parcel.size)
        return f"{self._origin}{target}"

    def abandon(self, name: str, token: str, journal: Journal) -> None:  # noqa: ARG002 - the protocol's
        """Forget what there is to forget: a request that was cut leaves nothing of ours there."""
        if journal.upload() is not None:
            journal.drop()

    def trial(self) -> str:
        """Ask for the head of a name that nothing has: that needs the address, its certificate and the credentials."""
        target = self._target(".lading-trial")
        given = self._headers(_TRIAL, _shown(hashlib.sha256().hexdigest()))
        with closing(self._door()) as door, self._asking(), self._opened(door, "HEAD", target, given) as answer:
            if answer.status in {401, 403, 407, 429} or 300 <= answer.status < 400 or answer.status >= 500:
                raise self._refusal(answer)
        return f"{self._origin} answers ({answer.status}); whether it takes packages shows the first one."

    # --- handing over ------------------------------------------------------------------------------

    def _handed(self, door: Door, target: str, parcel: Parcel, advance: Advance) -> int:
        """Return with what status the receiver took it, or that something is there already; else raise."""
        file = PurePosixPath(parcel.name).name
        given = [
            *self._headers(parcel.id, _shown(parcel.sha256)),
            ("Content-Length", str(parcel.size)),
            ("Content-Type", parcel.media_type),
            ("Content-Disposition", f"attachment; filename*=UTF-8''{quote(file, safe='')}"),
        ]
        if self._method == "PUT" and not parcel.overwrite:
            given.append(("If-None-Match", "*"))
        gone = _Gone()
        content = self._pieces(door, parcel, gone, advance)
        with self._asking(), door.opened(
            self._method, target, headers=given, seconds=self._seconds, content=content
        ) as answer:  # fmt: skip
            if 200 <= answer.status < 300:
                if not gone.is_whole:
                    raise DestinationUnreachable(
                        f"{self._origin} answered {answer.status} before it had the package. It is tried again."
                    )
                return answer.status
            if answer.status in _TAKEN and (self._method == "POST" or not parcel.overwrite):
                if self._method == "POST":
                    raise DestinationTaken(
                        f"{self._origin} has something else as {parcel.id} ({answer.status}). "
                        "Ask those who run it what they have."
                    )
                return answer.status
            raise self._refusal(answer)

    def _pieces(self, door: Door, parcel: Parcel, gone: _Gone, advance: Advance) -> Iterator[bytes]:
        """Yield the package, the last piece only once all of it is what was published."""
        hashed, done = hashlib.sha256(), 0
        with parcel.open() as file:
            piece = file.read(CHUNK_BYTES)
            while piece:
                hashed.update(piece)
                following = file.read(CHUNK_BYTES)
                done += len(piece)
                if done > parcel.size or (not following and (done, hashed.hexdigest()) != (parcel.size, parcel.sha256)):
                    raise damaged(parcel)
                door.renew(self._seconds)
                yield piece
                advance(done)
                failpoints.reach("delivery.part_handed")
                piece = following
        door.renew(self._seconds)
        gone.is_whole = True

    # --- what lies there ---------------------------------------------------------------------------

    def _compare(self, door: Door, target: str, parcel: Parcel, status: int) -> None:
        """Return if the package lies at the receiver; DestinationTaken when something else does."""
        where = str(self._origin)
        with self._asking():
            found = self._lying(door, target, parcel)
            if found is None and status in _TAKEN:
                raise DestinationRefused(
                    f"{where} refuses the package ({status}) and shows nothing under its name. Give the destination "
                    "an object_name without folders, or let those who run it make them."
                )
            if not holds(parcel, found, where=where, name=parcel.name, is_read=self._is_read, is_sent=True):
                raise DestinationUnreachable(f"{where} does not show {parcel.name} after it was sent. Retry.")

    def _lying(self, door: Door, target: str, parcel: Parcel) -> Lying | None:
        empty = _shown(hashlib.sha256().hexdigest())
        given = [*self._headers(parcel.id, empty), ("Want-Repr-Digest", "sha-256=10"), ("Accept-Encoding", "identity")]
        with self._opened(door, "HEAD", target, given) as answer:
            if answer.status in {404, 410}:
                return None
            if answer.status in {405, 501}:
                raise DestinationTaken(
                    f"{self._origin} has something as {parcel.name}, and does not show what ({answer.status}). "
                    "Move it away, or let the destination overwrite."
                )
            if not 200 <= answer.status < 300:
                raise self._refusal(answer)
            told, size = _DIGEST.search(answer.headers.get("repr-digest", "")), answer.headers.get("content-length", "")
        digest = None if told is None else base64.b64decode(told[1]).hex()
        read = partial(self._digest, door, target, given, parcel.size)
        return Lying(int(size) if size.isdecimal() else parcel.size, digest, read)

    def _digest(self, door: Door, target: str, given: Sequence[tuple[str, str]], most: int) -> str:
        """Return the digest of what lies there, read no further than the package is long."""
        hashed, size = hashlib.sha256(), 0
        with self._opened(door, "GET", target, given) as answer:
            if answer.status != 200:
                raise self._refusal(answer)
            for piece in answer.chunks:
                door.renew(self._seconds)
                hashed.update(piece)
                size += len(piece)
                if size > most:
                    break
        return hashed.hexdigest()

    # --- calling -----------------------------------------------------------------------------------

    def _door(self) -> Door:
        return Door(self._origin, self._networks, guard.look_up)

    def _target(self, name: str) -> str:
        return self._path if self._method == "POST" else f"{self._path.rstrip('/')}/{quote(name)}"

    def _headers(self, delivery: str, digest: str) -> list[tuple[str, str]]:
        given = [
            ("Host", str(self._origin).partition("://")[2]),
            ("User-Agent", f"lading/{lading.__version__}"),
            ("Content-Digest", digest),
            ("webhook-id", delivery),
            ("webhook-timestamp", str(self._at)),
        ]
        if self._secret.keys:
            signed = rules.signature(delivery, self._at, digest.encode(), self._secret.keys)
            given.append(("webhook-signature", signed))
        return [*given, (self._header, self._secret.shown)] if self._secret.shown else given

    def _opened(
        self, door: Door, method: str, target: str, given: Sequence[tuple[str, str]]
    ) -> AbstractContextManager[Opened]:
        return door.opened(method, target, headers=given, seconds=self._seconds)

    @contextmanager
    def _asking(self) -> Generator[None]:
        """Word what comes instead of an answer."""
        try:
            yield
        except guard.Barred as reason:
            raise DestinationRefused(
                f"{self._origin} is {reason}. Packages go there only if the operator names its network in "
                "LADING_ALLOWED_NETWORKS."
            ) from None
        except Distrusted:
            raise DestinationRefused(
                f"The certificate of {self._origin} does not prove its name. Correct the url of the destination, or "
                "let SSL_CERT_FILE name the authority that signed it."
            ) from None
        except TooSlow as error:
            raise DestinationTimeout(f"{self._origin} did not take the package: {error}. It is tried again.") from None
        except NoAnswer as error:
            raise DestinationUnreachable(
                f"{self._origin} did not take the package: {error}. It is tried again."
            ) from None

    def _refusal(self, answer: Opened) -> DestinationError | DestinationThrottled:
        where, status = str(self._origin), answer.status
        rest = answer.headers.get("retry-after", "")
        if status == 429 or (status == 503 and rest):
            seconds = retry_after(rest, answer.headers.get("date", ""))
            return DestinationThrottled(f"{where} asks to be called less ({status}).", seconds)
        if status == 507:
            return DestinationFull(f"{where} has no space left ({status}). Free some; it is tried again.")
        if status in _PASSING:
            return DestinationUnreachable(f"{where} answered {status}. It is tried again.")
        if status in {401, 403, 407}:
            return DestinationRefused(
                f"{where} refuses the credentials ({status}). Correct what credentials_ref points at."
            )
        if 300 <= status < 400:
            return DestinationRefused(
                f"{where} sends us elsewhere ({status}), and redirects are not followed. "
                "Give the destination the url that it leads to."
            )
        return DestinationRefused(f"{where} refuses the package ({status}). Ask those who run it why.")


@dataclass(slots=True)
class _Gone:
    """Whether the last piece has left; a receiver may answer before."""

    is_whole: bool = False


def _shown(digest: str) -> str:
    """
    Return a SHA-256 as RFC 9530 writes it.

    >>> _shown("00" * 32)
    'sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:'
    """
    return f"sha-256=:{base64.b64encode(bytes.fromhex(digest)).decode()}:"
