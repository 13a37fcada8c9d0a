"""
Calls to one remote server with a token that is fetched when it is needed, kept, and renewed before it ends.

A token that is refused (401) is thrown away and the call made once more; a second refusal is the answer.  What such a
server says of its errors, these calls say in Lading's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import httpx2

from lading.client import retries
from lading.client.aio.session import TIMEOUT_SECONDS, Session, clock
from lading.client.dialects.asking import Credentials
from lading.client.dialects.environments import checked_url
from lading.client.faults import BY_STATUS
from lading.client.retries import Retries
from lading.client.target import Target
from lading.errors import InvalidInput, LadingError, QueueFull, ServerUnreachable, Unauthenticated
from lading.wire import sharedo
from lading.wire.sharedo import Token

T = TypeVar("T")

_BY_STATUS: Final[dict[int, type[LadingError]]] = {**BY_STATUS, 429: QueueFull}


class RemoteSession(Session):
    """A pool to a server that is not Lading's; what it was told in secret (`hidden`) stands in no error."""

    hidden: Sequence[str] = ()

    def refused(self, status: int, body: bytes, headers: Mapping[str, str]) -> LadingError:
        """Return the error that an answer reports, in the words of the server where it has any."""
        words = sharedo.said(body, self.hidden)
        told = f"{self.target.url} answered {status}" + (f": {words}." if words else " and says no more.")
        kind = _BY_STATUS.get(status) or (ServerUnreachable if status >= 500 else LadingError)
        error = kind(told)
        error.retryable = error.retryable or retries.may_repeat(status, is_idempotent=True)
        asked = retries.retry_after(headers.get("Retry-After"), datetime.now(UTC))
        if isinstance(error, QueueFull) and asked is not None:
            error.retry_after_seconds = asked
        return error

    def unreachable(self, reason: Exception) -> LadingError:
        """Return the error of a server that gave no answer."""
        why = sharedo.plain(str(reason)) or type(reason).__name__
        return ServerUnreachable(f"No answer from {self.target.url} ({why}). Check its address and your network.")

    def unreadable(self, reason: Exception) -> LadingError:
        """Return the error of an answer that the protocol does not know."""
        return ServerUnreachable(
            f"What answers at {self.target.url} does not speak the protocol of a ShareDo server: "
            f"{sharedo.plain(str(reason))}. Check the address."
        )


class Calls:
    """Two pools: one to the server, one to its identity provider."""

    def __init__(
        self,
        base_url: str,
        identity_url: str,
        credentials: Credentials,
        *,
        timeout: float = TIMEOUT_SECONDS,
        patience: Retries | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        def pool(url: str) -> RemoteSession:
            return RemoteSession(Target(checked_url(url)), patience=patience, timeout=timeout, transport=transport)

        self.session: Final = pool(base_url)
        self._identity: Final = pool(identity_url)
        self._credentials: Final = credentials
        self._token: Token | None = None

    async def close(self) -> None:
        """Close every connection."""
        await self.session.close()
        await self._identity.close()

    async def fetch(self, parse: Callable[[Any], T], method: str, path: str, **options: Any) -> T:
        """Return what `parse` makes of the JSON that answers a call."""
        response = await self.call(method, path, **options)
        try:
            return parse(response.json())
        except (ValueError, RecursionError) as error:
            raise self.session.unreadable(error) from error

    async def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Return the answer to a call; one that a fresh token is refused for is raised."""
        try:
            return await self.session.call(method, path, headers=await self._shown(), **options)
        except Unauthenticated:
            self._token = None
        return await self.session.call(method, path, headers=await self._shown(), **options)

    @asynccontextmanager
    async def stream(
        self, path: str, *, headers: Mapping[str, str], accept: frozenset[int]
    ) -> AsyncGenerator[httpx2.Response]:
        """Give an answer whose body is not read yet; one that a token is refused for drops the token, too."""
        try:
            async with self.session.stream(path, headers={**headers, **await self._shown()}, accept=accept) as found:
                yield found
        except Unauthenticated:
            self._token = None
            raise

    async def _shown(self) -> dict[str, str]:
        if self._token is None or clock() >= self._token.until:
            self._token = await self._fresh()
            self.session.hidden = (self._token.value,)
        return {"Authorization": f"Bearer {self._token.value}"}

    async def _fresh(self) -> Token:
        asks = self._credentials
        form = sharedo.token_request(
            asks.client_id, asks.secret, scope=asks.scope, user=asks.user, provider=asks.provider
        )
        began, self._identity.hidden = clock(), (asks.secret, form.shown)
        try:
            response = await self._identity.call(
                "POST",
                sharedo.TOKEN,
                form=form.content,
                headers={"Authorization": form.authorization},
                changes_nothing=True,
            )
            return sharedo.token_of(response.json(), began)
        except (Unauthenticated, InvalidInput) as error:
            raise Unauthenticated(
                f"{self._identity.target.url} gives {asks.client_id!r} no token: {error.message} "
                "Check client_id and the secret of the environment."
            ) from None
        except (ValueError, RecursionError) as error:
            raise self._identity.unreadable(error) from error
