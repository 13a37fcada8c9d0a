# Made from lading/client/aio/client.py by scripts/sync_client.py; change it there.
"""The client: every capability of the API as an attribute."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import httpx2

from lading.client import target
from lading.client.cache import Cache
from lading.client.journal import folder_of
from lading.client.parts import Part
from lading.client.retries import Retries
from lading.client.sync.caching import CachingSession
from lading.client.sync.exports import Exports
from lading.client.sync.session import TIMEOUT_SECONDS, Session

if TYPE_CHECKING:
    from lading.client.sync.access import IdentityProviders, Keys, Members, Tenants
    from lading.client.sync.artifacts import Artifacts
    from lading.client.sync.bundles import Bundles
    from lading.client.sync.destinations import Destinations
    from lading.client.sync.events import Events
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

    events: Part[Events] = Part(f"{__package__}.events", "Events")
    webhooks: Part[Webhooks] = Part(f"{__package__}.webhooks", "Webhooks")
    artifacts: Part[Artifacts] = Part(f"{__package__}.artifacts", "Artifacts")
    tenants: Part[Tenants] = Part(f"{__package__}.access", "Tenants")
    keys: Part[Keys] = Part(f"{__package__}.access", "Keys")
    members: Part[Members] = Part(f"{__package__}.access", "Members")
    identity_providers: Part[IdentityProviders] = Part(f"{__package__}.access", "IdentityProviders")
    profiles: Part[Profiles] = Part(f"{__package__}.registry", "Profiles")
    policies: Part[Policies] = Part(f"{__package__}.policies", "Policies")
    sources: Part[Sources] = Part(f"{__package__}.registry", "Sources")
    destinations: Part[Destinations] = Part(f"{__package__}.destinations", "Destinations")
    holds: Part[Holds] = Part(f"{__package__}.retention", "Holds")
    retention: Part[Retention] = Part(f"{__package__}.retention", "Retention")
    ledger: Part[Ledger] = Part(f"{__package__}.registry", "Ledger")
    privacy: Part[Privacy] = Part(f"{__package__}.privacy", "Privacy")
    bundles: Part[Bundles] = Part(f"{__package__}.bundles", "Bundles")
    proofs: Part[Proofs] = Part(f"{__package__}.proofs", "Proofs")
    jobs: Part[Jobs] = Part(f"{__package__}.jobs", "Jobs")
    runs: Part[Runs] = Part(f"{__package__}.runs", "Runs")
    schedules: Part[Schedules] = Part(f"{__package__}.schedules", "Schedules")
    dead_letters: Part[DeadLetters] = Part(f"{__package__}.letters", "DeadLetters")
    limits: Part[Limits] = Part(f"{__package__}.operations", "Limits")
    throttles: Part[Throttles] = Part(f"{__package__}.throttles", "Throttles")
    allocations: Part[Allocations] = Part(f"{__package__}.sharing", "Allocations")
    retry_policies: Part[RetryPolicies] = Part(f"{__package__}.sharing", "RetryPolicies")

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
