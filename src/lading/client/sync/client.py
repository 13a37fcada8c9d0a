# Made from lading/client/aio/client.py by scripts/sync_client.py; change it there.
"""The client: every capability of the API as an attribute."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import httpx2

from lading.client import target
from lading.client.cache import Cache
from lading.client.journal import folder_of
from lading.client.retries import Retries
from lading.client.sync.access import IdentityProviders, Keys, Members, Tenants
from lading.client.sync.artifacts import Artifacts
from lading.client.sync.bundles import Bundles
from lading.client.sync.caching import CachingSession
from lading.client.sync.destinations import Destinations
from lading.client.sync.events import Events
from lading.client.sync.exports import Exports
from lading.client.sync.jobs import Jobs
from lading.client.sync.letters import DeadLetters
from lading.client.sync.operations import Limits
from lading.client.sync.policies import Policies
from lading.client.sync.privacy import Privacy
from lading.client.sync.proofs import Proofs
from lading.client.sync.registry import Ledger, Profiles, Sources
from lading.client.sync.retention import Holds, Retention
from lading.client.sync.runs import Runs
from lading.client.sync.schedules import Schedules
from lading.client.sync.session import TIMEOUT_SECONDS, Session
from lading.client.sync.sharing import Allocations, RetryPolicies
from lading.client.sync.throttles import Throttles
from lading.client.sync.webhooks import Webhooks


class Client:
    """
    A client of one server, to be used as a context manager.

    What is not given comes from LADING_URL, LADING_TOKEN and LADING_TENANT.  All clients of one environment share its
    connections: at most ten, kept alive.  `http_client` brings others, which the caller closes.  `refresh` returns a
    fresh token when the server refuses the old one; the call is then sent once more.  `journal` is where unfinished
    runs and batches are kept, by default in the state directory of the user; None keeps none.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        tenant: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        patience: Retries | None = None,
        transport: httpx2.BaseTransport | None = None,
        http_client: httpx2.Client | None = None,
        refresh: Callable[[], str | None] | None = None,
        journal: Path | Literal["state"] | None = "state",
        cache: Cache | None = None,
    ) -> None:
        found = target.find(url=url, token=token, tenant=tenant)
        made = Session if cache is None else partial(CachingSession, cache)
        self.session: Session = made(
            found, patience=patience, timeout=timeout, transport=transport, http_client=http_client, refresh=refresh
        )
        self.exports = Exports(self.session, folder_of() if journal == "state" else journal)
        self.events = Events(self.session)
        self.webhooks = Webhooks(self.session)
        self.artifacts = Artifacts(self.session)
        self.tenants = Tenants(self.session)
        self.keys = Keys(self.session)
        self.members = Members(self.session)
        self.identity_providers = IdentityProviders(self.session)
        self.profiles = Profiles(self.session)
        self.policies = Policies(self.session)
        self.sources = Sources(self.session)
        self.destinations = Destinations(self.session)
        self.holds = Holds(self.session)
        self.retention = Retention(self.session)
        self.ledger = Ledger(self.session)
        self.privacy = Privacy(self.session)
        self.bundles = Bundles(self.session)
        self.proofs = Proofs(self.session)
        self.jobs = Jobs(self.session)
        self.runs = Runs(self.session)
        self.schedules = Schedules(self.session)
        self.dead_letters = DeadLetters(self.session)
        self.limits = Limits(self.session)
        self.throttles = Throttles(self.session)
        self.allocations = Allocations(self.session)
        self.retry_policies = RetryPolicies(self.session)

    @property
    def url(self) -> str:
        """Return the address of the server."""
        return self.session.target.url

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Close the connections, unless another client uses them."""
        self.close()

    def close(self) -> None:
        """Close the connections, unless another client uses them."""
        self.session.close()
