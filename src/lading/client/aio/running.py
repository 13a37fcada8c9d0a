"""
The whole way of an export: asked for, followed, fetched; and again by another way where that helps.

Each step is in the journal before it is done, so that a process that dies leaves the next one where it was.  What is
tried after a fault, `client.recovery` decides.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lading.client import polling, recovery
from lading.client.aio.ground import in_thread, sleep
from lading.client.batching import Fetched, Terms, asked, folder_for
from lading.client.journal import Entry
from lading.client.polling import DEADLINE_SECONDS, Teller, Watcher
from lading.client.recovery import LONGER, Means, Step
from lading.errors import InvalidInput, LadingError
from lading.wire.exports import Export, ExportRequest

if TYPE_CHECKING:
    from lading.client.aio.exports import Exports


@dataclass(slots=True)
class Way:
    """The way of one item of an entry; `watcher` is told of the end when nothing more is tried."""

    exports: Exports
    entry: Entry
    index: int
    terms: Terms
    watcher: Watcher
    export: Export | None = None
    timeout: float | None = None
    tried: list[Means] = field(default_factory=list[Means])
    causes: list[LadingError] = field(default_factory=list[LadingError])

    async def go(self) -> Fetched:
        """Return the export and its package; raise what nothing helped against."""
        self.timeout = self.terms.timeout
        teller = Teller(replace(self.watcher, on_complete=None, on_error=None))
        while True:
            try:
                found = await self._have(teller)
            except LadingError as error:
                self.causes.append(error)
                if (step := self._step(error)) is None:
                    raise await self._given_up() from error
                self.tried.append(step.means)
                await self._help(step)
                continue
            await in_thread(self.entry.ended, self.index, "done")
            Teller(self.watcher).ended(found.export)
            return found

    async def _have(self, teller: Teller) -> Fetched:
        """Go on from where the journal says that it is, to the end."""
        item, entry = self.entry.items[self.index], self.entry
        if item.export is None:
            key = entry.plan.key_of(self.index, item.number)
            made = await self.exports.submit(_request(item.request), idempotency_key=key)
            await in_thread(entry.accepted, self.index, made.export.id)
        export_id = entry.items[self.index].export
        assert export_id is not None
        self.export = await self.exports.wait(export_id, timeout=self.timeout, watcher=teller)
        polling.completed(self.export)
        if self.terms.folder is None:
            return Fetched(self.export, None)
        folder = folder_for(self.terms.folder, export_id)
        await in_thread(entry.fetching, self.index, folder)
        return Fetched(self.export, await self.exports.download(self.export, folder))

    def _step(self, error: LadingError) -> Step | None:
        return recovery.step(
            error,
            self.tried,
            recovery=self.terms.recovery,
            can_refresh=False,  # every call has asked for a fresh token by itself
            has_alternative=self.terms.alternative is not None,
            chance=random.random(),  # noqa: S311 - jitter
        )

    async def _help(self, step: Step) -> None:
        match step.means:
            case Means.LONGER_DEADLINE:
                self.timeout = (DEADLINE_SECONDS if self.timeout is None else self.timeout) * LONGER
            case Means.BACKOFF:
                await sleep(step.seconds)
            case Means.REFRESH:
                return
            case Means.ALTERNATIVE:
                await self._ask_otherwise()

    async def _ask_otherwise(self) -> None:
        assert self.terms.alternative is not None
        other = self.terms.alternative(_request(self.entry.items[self.index].request), self.causes[-1])
        if other is None:
            raise await self._given_up()
        self.timeout = self.terms.timeout
        await in_thread(self.entry.again, self.index, asked(other))

    async def _given_up(self) -> LadingError:
        error = recovery.verdict(self.causes)
        if recovery.is_final(error, was_accepted=self.entry.items[self.index].export is not None):
            await in_thread(self.entry.ended, self.index, "failed")
        if self.export is not None and polling.has_ended(self.export):
            Teller(self.watcher).ended(self.export)
        return error


def _request(facts: dict[str, Any]) -> ExportRequest:
    if not facts:
        raise InvalidInput("The line of the journal that says what was asked for is damaged; ask for it again.")
    try:
        return ExportRequest(**facts)  # a journal of another version may say more
    except TypeError:
        raise InvalidInput("The journal was written by another version of Lading; ask for the export again.") from None
