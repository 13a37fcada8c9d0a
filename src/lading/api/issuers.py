"""
The public keys of identity providers: found by OpenID discovery, remembered, fetched again at most every half minute.

Only issuers that somebody registered are asked, through the guard (ADR 0011): private addresses and plain http only
where the operator allows them.  However many requests need the keys of an issuer, one fetch is under way, and of the
issuers of one tenant two; while the provider is away the keys of the last day hold.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID
from weakref import WeakValueDictionary

from lading.errors import ProviderUnavailable, Unauthenticated
from lading.sources.guard import Barred, Network, Resolver, look_up, origin_of, target_of
from lading.sources.guarded import Distrusted, Door, NoAnswer, TooMuch
from lading.tenants import claims
from lading.tenants.claims import Unproved

FRESH_SECONDS: Final = 600.0
REST_SECONDS: Final = 30.0
_USABLE_SECONDS: Final = 86_400.0
_CALL_SECONDS: Final = 5.0
_WAIT_SECONDS: Final = 12.0
_MOST_BYTES: Final = 256 << 10
_MOST_ISSUERS: Final = 1000
_AT_ONCE: Final = 32
_AT_ONCE_EACH: Final = 2
_LOG: Final = logging.getLogger("lading.api")

Keys = Sequence[Mapping[str, Any]]


class _Unusable(Exception):
    """The provider answered, or did not, in a way that gives no keys; the text says how."""


@dataclass(slots=True)
class _Issuer:
    keys: Keys = ()
    fetched_at: float | None = None
    tried_at: float = float("-inf")
    fault: str = ""
    under_way: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Issuers:
    """What this process knows of issuers."""

    resolve: Resolver = look_up
    clock: Callable[[], float] = time.monotonic
    fetches: int = 0
    _known: OrderedDict[str, _Issuer] = field(default_factory=OrderedDict[str, _Issuer])
    _turns: WeakValueDictionary[UUID, asyncio.Semaphore] = field(
        default_factory=WeakValueDictionary[UUID, asyncio.Semaphore]
    )
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="issuer")
    )

    async def keys(self, unproved: Unproved, networks: Sequence[Network], believers: Sequence[UUID]) -> Keys:
        """Return the keys that may have signed a token of an issuer that `believers` registered; never empty."""
        issuer, turns = unproved.issuer, [self._turns.setdefault(each, _turn()) for each in sorted(set(believers))]
        known = self._known.setdefault(issuer, _Issuer())
        self._known.move_to_end(issuer)
        while len(self._known) > _MOST_ISSUERS:
            self._known.popitem(last=False)
        if known.fetched_at is None or self.clock() - known.fetched_at > FRESH_SECONDS:
            await self._renew(issuer, known, networks, turns)
        found = self._usable(known, unproved)
        if not found:
            # Keys change: a new one is looked for, but not for every token that somebody made up.
            await self._renew(issuer, known, networks, turns)
            found = self._usable(known, unproved)
        if found:
            return found
        if known.fetched_at is None:
            raise ProviderUnavailable(
                f"The identity provider's keys can't be had: {known.fault or 'it was not reached'}. "
                "Try again in half a minute, or use an API key."
            )
        raise Unauthenticated("The token is signed with a key that its issuer does not show; get a new one.", why="key")

    def _usable(self, known: _Issuer, unproved: Unproved) -> Keys:
        if known.fetched_at is None or self.clock() - known.fetched_at > _USABLE_SECONDS:
            return ()
        return claims.fitting(unproved, known.keys)

    async def _renew(
        self, issuer: str, known: _Issuer, networks: Sequence[Network], turns: Sequence[asyncio.Semaphore]
    ) -> None:
        if known.under_way is None:
            if self.clock() - known.tried_at < REST_SECONDS:
                return
            known.tried_at = self.clock()
            known.under_way = asyncio.create_task(self._fetch(issuer, known, networks, _free(turns)))
        # Who hangs up leaves the fetch to the others.
        await asyncio.wait({known.under_way}, timeout=_WAIT_SECONDS)

    async def _fetch(self, issuer: str, known: _Issuer, networks: Sequence[Network], turn: asyncio.Semaphore) -> None:
        try:
            async with turn:
                self.fetches += 1
                loop = asyncio.get_running_loop()
                known.keys = await loop.run_in_executor(self._threads, _fetched, issuer, networks, self.resolve)
            known.fetched_at, known.fault = self.clock(), ""
        except _Unusable as error:
            known.fault = str(error)
            _LOG.warning("issuer.unavailable", extra={"issuer": issuer, "fault": known.fault})
        finally:
            known.under_way = None


def _turn() -> asyncio.Semaphore:
    return asyncio.Semaphore(_AT_ONCE_EACH)


def _free(turns: Sequence[asyncio.Semaphore]) -> asyncio.Semaphore:
    """Return the turn of the one who waits for nothing, if there is one: what others believe too is not held up."""
    return next((each for each in turns if not each.locked()), turns[0])


def _fetched(issuer: str, networks: Sequence[Network], resolve: Resolver) -> Keys:
    found = _called(f"{issuer.rstrip('/')}/.well-known/openid-configuration", networks, resolve)
    try:
        document = json.loads(found)
        said, address = document["issuer"], document["jwks_uri"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _Unusable("its discovery document names no issuer and keys") from None
    if said != issuer:
        raise _Unusable("its discovery document is that of another issuer")
    if not isinstance(address, str):
        raise _Unusable("its discovery document names no keys")
    try:
        return claims.key_set(_called(address, networks, resolve))
    except ValueError as error:
        raise _Unusable(f"what it shows as keys is unusable: {error}") from None


def _called(url: str, networks: Sequence[Network], resolve: Resolver) -> bytes:
    origin = origin_of(url)
    if origin is None:
        raise _Unusable("an address of it is no plain URL")
    door = Door(origin, networks, resolve)
    try:
        answer = door.call(
            "GET",
            target_of(url),
            headers=[("Accept", "application/json")],
            seconds=_CALL_SECONDS,
            most_bytes=_MOST_BYTES,
        )
    except Barred as error:
        raise _Unusable(f"it is at {error}; the operator opens networks with LADING_ALLOWED_NETWORKS") from None
    except Distrusted:
        raise _Unusable("its certificate does not prove its name") from None
    except TooMuch:
        raise _Unusable(f"it answers with over {_MOST_BYTES} bytes") from None
    except NoAnswer as error:
        raise _Unusable(str(error)) from None
    finally:
        door.close()
    if answer.status != 200:
        raise _Unusable(f"it answers with status {answer.status}")
    return answer.body
