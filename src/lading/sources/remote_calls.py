"""
Calls to a remote export server: a token, turns, tries, and one sentence when it will not.

Every call is a generator: while it waits it yields, so that whoever reads can stop.  What changes nothing is tried
again; a submission of which nobody knows whether it arrived is not.
"""

from __future__ import annotations

import io
import json
import random
import re
import time
import zipfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, TypeVar

from lading.errors import SourceError, SourceRefused, SourceThrottled, SourceUnreachable
from lading.sources.guard import Barred
from lading.sources.guarded import Answer, Distrusted, Door, NoAnswer, Opened, TooMuch
from lading.sources.http_calls import PATIENCE_SECONDS, retry_after
from lading.sources.outside import Outside
from lading.sources.remote_site import Place, RemoteSite
from lading.sources.turns import Turns
from lading.wire import sharedo
from lading.wire.sharedo import Token

T = TypeVar("T")
_TRIES: Final = 4
_BACKOFF_SECONDS: Final = 0.25
_MOST_REFUSALS: Final = 5
_ANSWER_BYTES: Final = 8 << 20
_SIGN_SECONDS: Final = 0.5
_PASSING: Final = frozenset({408, 425, 500, 502, 503, 504})
_RANGE: Final = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")


class Gone(SourceRefused):
    """The server knows no such thing."""


class Asker:
    """Asks one server with the secret of its source; used by one thread, stopped from another."""

    def __init__(self, site: RemoteSite, outside: Outside, secret: str) -> None:
        self._site: Final = site
        self._outside: Final = outside
        self._server: Final = Door(site.server.origin, outside.networks, outside.resolve)
        self._identity: Final = Door(site.identity.origin, outside.networks, outside.resolve)
        client_id, sign, key = secret.partition(":")
        if not sign or not client_id or not key:
            raise SourceRefused("The source's credentials must read client_id:secret; correct what is stored there.")
        self._form: Final = sharedo.token_request(
            client_id, key, scope=site.scope, user=site.user, provider=site.user_provider
        )
        self._key: Final = key
        self._token: Token | None = None
        self.turns: Final = Turns(outside.calls)

    def stop(self) -> None:
        """End what another thread waits for."""
        self.turns.stop()
        self._server.stop()
        self._identity.stop()

    def close(self) -> None:
        """Close the connections."""
        self._server.close()
        self._identity.close()

    def ask(
        self,
        parse: Callable[[Any], T],
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        changes_nothing: bool = True,
    ) -> Generator[None, None, T]:
        """Return what `parse` makes of the JSON that answers a call."""
        answer = yield from self.answer(method, path, body, changes_nothing=changes_nothing)
        try:
            return parse(json.loads(answer.body) if answer.body else None)
        except (ValueError, RecursionError) as error:
            said = str(error) if isinstance(error, sharedo.Odd) else "what it answers is no JSON"
            raise SourceRefused(
                f"The server at {self._site} does not speak the protocol of ShareDo exports: {said}. Correct the url "
                "of the source, or ask those who run it."
            ) from None

    def answer(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, changes_nothing: bool = True
    ) -> Generator[None, None, Answer]:
        """Return the answer of a call, of status 2xx; SourceError when there is none."""
        content = None if body is None else json.dumps(body).encode()
        failures = refusals = logins = 0
        while True:
            token = yield from self._shown()
            yield from self.turns.turn()
            answer, reason = self._called(method, path, content, token)
            status = 0 if answer is None else answer.status
            if answer is not None and 200 <= status < 300:
                return answer
            if answer is not None and status == 401 and not logins:
                self._token, logins = None, 1
                continue
            if answer is not None and (status == 429 or (status == 503 and "retry-after" in answer.headers)):
                refusals += 1
                yield from self._bear(answer, refusals)
                continue
            if answer is not None and status not in _PASSING:
                raise self._refusal(answer)
            failures += 1
            if failures >= _TRIES or not changes_nothing or self._outside.is_glance:
                raise self._unread(reason if answer is None else f"it answered {status}{self._said(answer)}")
            yield from self.turns.rest(_BACKOFF_SECONDS * 2**failures * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    def fetch(self, path: str, file: BinaryIO) -> Generator[None]:
        """Write what is at `path` to `file`, going on where a connection broke; SourceError when it does not come."""
        failures = 0
        while True:
            token = yield from self._shown()
            yield from self.turns.turn()
            before = file.tell()
            is_whole, answer = yield from self._piece(path, file, token)
            if is_whole:
                return
            if answer is not None and answer.status == 401:
                self._token = None
            elif answer is not None and answer.status == 429:
                yield from self._bear(answer, failures + 1)
            elif answer is not None and answer.status not in _PASSING:
                raise self._refusal(answer)
            failures = 0 if file.tell() > before else failures + 1
            if failures >= _TRIES:
                raise self._unread("its package does not come whole")
            yield from self.turns.rest(_BACKOFF_SECONDS * 2**failures)

    def _piece(self, path: str, file: BinaryIO, token: str) -> Generator[None, None, tuple[bool, Answer | None]]:
        """Write what one connection brings; return whether it was all, and an answer that brought nothing."""
        start = file.tell()
        given = [*self._headers(token), ("Accept-Encoding", "identity")]
        given += [("Range", f"bytes={start}-")] if start else []
        try:
            with self._opened("GET", path, given) as answer:
                if answer.status not in {200, 206}:
                    body = b"".join(_bounded(answer, _ANSWER_BYTES))
                    if answer.status == 416:
                        _restart(file)
                        return False, None
                    return False, Answer(answer.status, answer.headers, body)
                total = _begun(answer, file, start)
                shown = time.monotonic()
                for chunk in answer.chunks:
                    if file.tell() + len(chunk) > self._site.package_bytes:
                        raise TooMuch
                    file.write(chunk)
                    self._server.renew(self._site.seconds)
                    if time.monotonic() - shown > _SIGN_SECONDS:
                        yield
                        shown = time.monotonic()
                return _is_all(file) if total is None else file.tell() == total, None
        except NoAnswer:
            return False, None
        except TooMuch:
            raise SourceRefused(
                f"The package of the server at {self._site} is over {self._site.package_bytes} bytes. Raise "
                "max_package_bytes of the source if that is meant."
            ) from None

    def _shown(self) -> Generator[None, None, str]:
        """Return a token that is good for a while yet."""
        if self._token is None or time.monotonic() >= self._token.until:
            self._token = yield from self._fresh()
        return self._token.value

    def _fresh(self) -> Generator[None, None, Token]:
        where, failures = self._site.identity, 0
        headers = [
            ("Authorization", self._form.authorization),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
        ]
        while True:
            yield from self.turns.turn()
            began = time.monotonic()
            answer, reason = self._through(
                self._identity, where, "POST", where.base + sharedo.TOKEN, headers, self._form.content
            )
            if answer is not None and 200 <= answer.status < 300:
                return self._token_of(answer, began)
            if answer is not None and answer.status not in _PASSING | {429}:
                raise SourceRefused(
                    f"The identity provider at {where} gives no token ({answer.status}{self._said(answer)}). Correct "
                    "what the source refers to, or its identity_url, scope and user."
                )
            failures += 1
            if failures >= (1 if self._outside.is_glance else _TRIES):
                said = reason if answer is None else f"it answered {answer.status}"
                raise SourceUnreachable(f"The identity provider at {where} gives no token: {said}. Retry later.")
            yield from self.turns.rest(_BACKOFF_SECONDS * 2**failures)

    def _token_of(self, answer: Answer, began: float) -> Token:
        try:
            return sharedo.token_of(json.loads(answer.body), began)
        except (ValueError, RecursionError):
            raise SourceRefused(
                f"What answers at {self._site.identity} is no identity provider: its answer has no token. Correct "
                "identity_url of the source."
            ) from None

    def _called(self, method: str, path: str, content: bytes | None, token: str) -> tuple[Answer | None, str]:
        headers = self._headers(token)
        headers += [("Content-Type", "application/json")] if content is not None else []
        return self._through(self._server, self._site.server, method, self._site.server.base + path, headers, content)

    def _headers(self, token: str) -> list[tuple[str, str]]:
        return [("Authorization", f"Bearer {token}"), ("Accept", "application/json"), ("User-Agent", "lading")]

    def _through(  # noqa: PLR0917 - one call
        self, door: Door, where: Place, method: str, target: str, headers: list[tuple[str, str]], content: bytes | None
    ) -> tuple[Answer | None, str]:
        """Return the answer, or why there is none."""
        self.turns.sent()
        if self.turns.is_stopped:
            raise SourceUnreachable(f"The server at {where} is not read any more.")
        try:
            with _trusted(where):
                return door.call(
                    method,
                    target,
                    headers=headers,
                    seconds=self._site.seconds,
                    most_bytes=_ANSWER_BYTES,
                    content=content,
                ), ""
        except NoAnswer as error:
            return None, str(error)
        except TooMuch:
            return None, f"its answer is over {_ANSWER_BYTES} bytes"

    @contextmanager
    def _opened(self, method: str, path: str, headers: list[tuple[str, str]]) -> Generator[Opened]:
        self.turns.sent()
        if self.turns.is_stopped:
            raise SourceUnreachable(f"The server at {self._site} is not read any more.")
        target = self._site.server.base + path
        with (
            _trusted(self._site.server),
            self._server.opened(method, target, headers=headers, seconds=self._site.seconds) as found,
        ):
            yield found

    def _bear(self, answer: Answer, refusals: int) -> Generator[None]:
        """Wait as long as the server asked for; SourceThrottled when that is long, or it asks again and again."""
        seconds = retry_after(answer.headers.get("retry-after", ""), answer.headers.get("date", ""))
        wait = seconds if seconds is not None else float(2**refusals)
        if not self._outside.is_glance:
            self.turns.refused(seconds)
        if self._outside.is_glance or wait > PATIENCE_SECONDS or refusals > _MOST_REFUSALS:
            raise SourceThrottled(
                f"The server at {self._site} asks to be called less ({answer.status}). It is called less often by "
                "itself.",
                seconds,
            )
        yield from self.turns.rest(wait)

    def _unread(self, said: str) -> SourceUnreachable:
        return SourceUnreachable(
            f"The server at {self._site} can't be asked: {said}. Check that it runs and that this machine may connect "
            "to it, then retry."
        )

    def _said(self, answer: Answer) -> str:
        held = "" if self._token is None else self._token.value
        words = sharedo.said(answer.body, (self._key, self._form.shown, held))
        return f": {words}" if words else ""

    def _refusal(self, answer: Answer) -> SourceError:
        where, status = f"The server at {self._site}", answer.status
        match status:
            case 401 | 403 | 407:
                return SourceRefused(
                    f"{where} refuses the credentials ({status}{self._said(answer)}). Let the client that the source "
                    "refers to export configuration."
                )
            case 404 | 410:
                return Gone(
                    f"{where} knows nothing of this ({status}{self._said(answer)}). Correct the url of the source."
                )
            case _ if 300 <= status < 400:
                return SourceRefused(
                    f"{where} sends us elsewhere ({status}), and redirects are not followed. Write the address that it "
                    "leads to."
                )
            case _:
                return SourceRefused(
                    f"{where} refuses the request ({status}{self._said(answer)}). Correct source.remote of the profile."
                )


@contextmanager
def _trusted(where: Place) -> Generator[None]:
    try:
        yield
    except Distrusted:
        raise SourceRefused(
            f"The certificate of the server at {where} does not prove its name. Correct the url of the source, or let "
            "SSL_CERT_FILE name the authority that signed it."
        ) from None
    except Barred as reason:
        raise SourceRefused(
            f"The server at {where} has {reason}, and this instance does not connect there. Use its public address "
            "over https, or let the operator allow its network with LADING_ALLOWED_NETWORKS."
        ) from None


def _begun(answer: Opened, file: BinaryIO, start: int) -> int | None:
    """Make `file` ready for a body; return how large it is then, if that is told."""
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if answer.status == 206 and found is not None and int(found[1]) == start:
        return None if found[2] == "*" else int(found[2])
    if answer.status == 206:
        _restart(file)
        raise NoAnswer("another part came than was asked for")
    _restart(file)
    length = answer.headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 19 else None


def _is_all(file: BinaryIO) -> bool:
    """Tell whether a body of which nobody told the size ends like a package, leaving `file` at its end."""
    found = zipfile.is_zipfile(file)
    file.seek(0, io.SEEK_END)
    return found


def _restart(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()


def _bounded(answer: Opened, most: int) -> Generator[bytes]:
    size = 0
    for chunk in answer.chunks:
        size += len(chunk)
        if size > most:
            return
        yield chunk
