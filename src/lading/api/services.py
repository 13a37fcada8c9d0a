"""
What the API is made of; `wiring` builds it, every route gets it from here.

`stopping` is set when the server shuts down: requests that wait for a change answer at once with what there is.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from fastapi import Request

from lading.api.issuers import Issuers
from lading.api.trials import Trials
from lading.db.database import Database
from lading.db.notify import Hearer, Sender
from lading.exports.bundles import BundleService
from lading.exports.previews import Previews
from lading.exports.service import ExportService
from lading.jobs.model import Endings
from lading.ledger.feed import Feed
from lading.limits.admission import Admission
from lading.limits.calling import Calling
from lading.settings import Settings
from lading.tenants.refusals import Refusals
from lading.webhooks.vault import Vault


@dataclass(frozen=True, slots=True)
class Services:
    """
    The parts of one server process.

    `hearer` listens on `notify.EXPORTS`, `hints` wakes workers; `endings` follow up on a job that an operator ends;
    `feed` has the events of every tenant.
    """

    settings: Settings
    database: Database
    exports: ExportService
    hearer: Hearer
    hints: Sender
    endings: Endings
    feed: Feed
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    trials: Trials = field(default_factory=Trials)
    previews: Previews = field(default_factory=Previews)
    issuers: Issuers = field(default_factory=Issuers)
    refusals: Refusals = field(default_factory=lambda: Refusals(clock=time.monotonic))

    @property
    def calls(self) -> Calling:
        """Return what counts the calls of the export API in this process."""
        return self.exports.calls

    @property
    def bundles(self) -> BundleService:
        """Return the verbs of audit bundles."""
        return BundleService(self.database, self.settings, self.exports.calls, self.hints)

    @property
    def vault(self) -> Vault:
        """Return what seals the secrets of webhooks."""
        return Vault(self.settings.keys_dir)

    @property
    def admission(self) -> Admission:
        """Return the door of the queue: ask it before the transaction that enqueues."""
        return self.exports.admission


def services_of(request: Request) -> Services:
    """Return the services of the app that answers `request`."""
    services: Services = request.app.state.services
    return services
