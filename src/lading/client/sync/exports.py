# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`
# Made from lading/client/aio/exports.py by scripts/sync_client.py; change it there.
"""Exports through the API: ask, look, wait, fetch.  An export's id is all it takes to go on in another process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from lading import ids
from lading.client import faults, polling
from lading.client.batching import CONCURRENCY, Alternative, BatchItem, BatchResult, Fetched, Terms
from lading.client.journal import Entry
from lading.client.partial import Version
from lading.client.parts import later
from lading.client.polling import DEADLINE_SECONDS, Teller, Watcher
from lading.client.recovery import Recovery
from lading.client.sync import batches
from lading.client.sync.batches import Recorder
from lading.client.sync.download import download
from lading.client.sync.following import wait
from lading.client.sync.ground import in_thread
from lading.client.sync.session import Session, clock
from lading.errors import LadingError, NotFound
from lading.wire.exports import Artifact, ArtifactList, Export, ExportPage, ExportRequest, History, Link, LinkRequest
from lading.wire.jobs import Grounds

if TYPE_CHECKING:
    from lading.client.packages import Limits, Package

_BASE: Final = "/api/v1/exports"
_PAGE: Final = 50
_PACKAGES: Final = frozenset({"application/zip", "application/x-age-encryption"})


@dataclass(frozen=True, slots=True)
class Submission:
    """An accepted request; `is_replay` when the same key had asked for it before."""

    export: Export
    idempotency_key: str
    is_replay: bool


class Exports:
    """The exports of one tenant."""

    def __init__(self, session: Session, journal: Path | None = None) -> None:
        self._session = session
        self._recorder = Recorder(session, journal)

    def submit(self, request: ExportRequest, *, idempotency_key: str | None = None) -> Submission:
        """Ask for an export; the same key, made here if none is given, never gives a second one."""
        key = idempotency_key or ids.show("idm", ids.new())
        body = {name: value for name, value in asdict(request).items() if value is not None}
        try:
            response = self._session.call("POST", _BASE, body=body, idempotency_key=key)
        except LadingError as error:
            raise faults.in_creation(error) from error.__cause__
        is_replay = response.headers.get("Idempotent-Replayed", "").lower() == "true"
        return Submission(self._session.read(Export, response), key, is_replay)

    def create(
        self,
        profile: str | None = None,
        *,
        period: tuple[str, str] | None = None,
        format: str | None = None,  # noqa: A002 - the word of the API
        revision: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        include_attachments: bool = False,
        destinations: Sequence[str] | None = None,
        encrypt_to: Sequence[str] | None = None,
        type: str | None = None,  # noqa: A002 - the word of the API
        exports: Sequence[str] = (),
        as_of: str | None = None,
        source: str | None = None,
        tables: Sequence[str] = (),
        variant: str | None = None,
        base: str | None = None,
        idempotency_key: str | None = None,
    ) -> Export:
        """
        Ask for an export of `profile` over the days of `period`, both included, and return it as it was accepted.

        With the `type` `evidence_pack`, `audit_report` or `snapshot` it needs no profile; ExportRequest says what each
        of them takes.
        """
        request = ExportRequest(
            profile=profile,
            period=None if period is None else {"from": period[0], "to": period[1]},
            format=format,
            revision=revision,
            parameters=dict(parameters or {}),
            include_attachments=include_attachments,
            destinations=None if destinations is None else [*destinations],
            encrypt_to=None if encrypt_to is None else [*encrypt_to],
            type=type,
            exports=[*exports],
            as_of=as_of,
            source=source,
            tables=[*tables],
            variant=variant,
            base=base,
        )
        return (self.submit(request, idempotency_key=idempotency_key)).export

    def get(self, export_id: str) -> Export:
        """Return the export as it is now."""
        return self._session.fetch(Export, "GET", _path(export_id))

    def page(
        self,
        *,
        status: Sequence[str] = (),
        profile: str | None = None,
        limit: int = _PAGE,
        cursor: str | None = None,
        **filters: str | None,
    ) -> ExportPage:
        """Return one page, newest first; `filters` are further ones of the API: `type`, `format`, `period_from`, …."""
        query = {"status": list(status), "profile": profile, "limit": limit, "cursor": cursor, **filters}
        return self._session.fetch(ExportPage, "GET", _BASE, query=query)

    def list(
        self, *, status: Sequence[str] = (), profile: str | None = None, **filters: str | None
    ) -> Iterator[Export]:
        """Yield every export, newest first, page after page."""
        query: dict[str, Any] = {"status": list(status), "profile": profile, "limit": _PAGE, **filters}
        while True:
            page = self._session.fetch(ExportPage, "GET", _BASE, query=query)
            for export in page.items:
                yield export
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    def wait(
        self,
        export_id: str,
        *,
        timeout: float | None = DEADLINE_SECONDS,
        on_progress: Callable[[Export], None] | None = None,
        watcher: Watcher | Teller | None = None,
    ) -> Export:
        """
        Return the export once it has ended, however it ended; WaitTimeout after `timeout` seconds (None: never).

        `on_progress` is short for a `watcher` with nothing else.
        """
        watching = watcher or Watcher(on_progress=on_progress)
        return wait(self._session, _path(export_id), export_id, timeout=timeout, watcher=watching)

    def result(
        self, export_id: str, *, timeout: float | None = DEADLINE_SECONDS, watcher: Watcher | None = None
    ) -> Export:
        """Return the export once it is completed; ExportEndedBadly says why it is not."""
        return polling.completed(self.wait(export_id, timeout=timeout, watcher=watcher))

    def run(
        self,
        request: ExportRequest,
        folder: Path | None = None,
        *,
        timeout: float | None = DEADLINE_SECONDS,
        watcher: Watcher | None = None,
        recovery: Recovery | None = None,
        alternative: Alternative | None = None,
        idempotency_key: str | None = None,
    ) -> Fetched:
        """
        Return the export once it is completed and its package is in `folder`, below a folder named after the export.

        It is in the journal from before it is asked for: after a kill or an outage `recover` goes on with it, and so
        does the same call with the same key.  What is tried when something fails, `client.recovery` says.
        """
        terms = _terms(folder, timeout, recovery, alternative)
        return batches.run(self, self._recorder, request, terms, watcher=watcher or Watcher(), key=idempotency_key)

    def keep(self, request: ExportRequest, folder: Path | None = None, *, idempotency_key: str | None = None) -> Entry:
        """
        Return the entry of the journal for a run whose steps the caller does, and notes in it, one by one.

        It is on disk before this returns; `recover` goes on with it unless it was finished.
        """
        place = _terms(folder, None, None, None).folder
        return batches.keep(self._recorder, request, place, key=idempotency_key)

    def batch(
        self,
        requests: Sequence[ExportRequest],
        *,
        concurrency: int = CONCURRENCY,
        folder: Path | None = None,
        fail_fast: bool = False,
        timeout: float | None = DEADLINE_SECONDS,
        on_item: Callable[[BatchItem], None] | None = None,
        on_progress: Callable[[BatchItem], None] | None = None,
        recovery: Recovery | None = None,
        alternative: Alternative | None = None,
    ) -> BatchResult:
        """
        Return what became of every request, in their order; a failure is in its item, and stops no other.

        `on_item` is told of each item once, when it has ended, and `on_progress` whenever one is further, both in the
        place this was called from.  With `fail_fast` nothing more is asked for after a failure; what runs goes on.
        Begun again with the same requests and folder, it goes on where it was, and asks anew only for what failed.
        """
        terms, told = _terms(folder, timeout, recovery, alternative), _told(on_item, on_progress)
        return batches.batch(
            self, self._recorder, requests, terms, concurrency=concurrency, fail_fast=fail_fast, told=told
        )

    def recover(
        self,
        *,
        concurrency: int = CONCURRENCY,
        timeout: float | None = DEADLINE_SECONDS,
        on_item: Callable[[BatchItem], None] | None = None,
        on_progress: Callable[[BatchItem], None] | None = None,
        recovery: Recovery | None = None,
    ) -> BatchResult:
        """
        Return what became of every run and batch in the journal that an earlier process left unfinished.

        Only what was asked of this server for this tenant, and nothing that another process is working on.
        """
        terms, told = _terms(None, timeout, recovery, None), _told(on_item, on_progress)
        return batches.recover(self, self._recorder, terms, concurrency=concurrency, told=told)

    def sealed(self, export_id: str, *, timeout: float = 5.0) -> Export:
        """Return the export, with its receipt if a signed head covers it within `timeout` seconds."""
        until = clock() + timeout
        while True:
            export = self.get(export_id)
            if export.receipt is not None or clock() >= until:
                return export
            self._session.rest(0.1)

    def cancel(self, export_id: str, *, reason: str = "") -> Export:
        """Ask for the end of a pending or running export."""
        return self._session.fetch(Export, "POST", _path(export_id, "cancel"), body={"reason": reason})

    def retry(self, export_id: str) -> Export:
        """Let a failed or cancelled export go on at the stage it stopped in."""
        return self._session.fetch(Export, "POST", _path(export_id, "retry"))

    def approve(self, export_id: str, *, reason: str, ticket: str | None = None) -> Export:
        """Let an export run that another person has asked for and that a policy holds back."""
        return self._decide(export_id, "approve", reason, ticket)

    def reject(self, export_id: str, *, reason: str, ticket: str | None = None) -> Export:
        """Refuse an export that another person has asked for; it is cancelled."""
        return self._decide(export_id, "reject", reason, ticket)

    def _decide(self, export_id: str, word: str, reason: str, ticket: str | None) -> Export:
        body = asdict(Grounds(reason, ticket))
        return self._session.fetch(Export, "POST", _path(export_id, word), body=body)

    def delete(self, export_id: str) -> None:
        """Delete the files of an ended export; its tombstone and its ledger entries stay."""
        self._session.call("DELETE", _path(export_id))

    def link(self, export_id: str, *, name: str | None = None, seconds: int = 86_400) -> Link:
        """Return a link by which anybody can have the export's package, or its file `name`, for a day at most."""
        body = asdict(LinkRequest(name, seconds))
        return self._session.fetch(Link, "POST", _path(export_id, "links"), body=body)

    def revoke_links(self, *, reason: str, ticket: str | None = None) -> None:
        """Make every link of the installation useless; for its admins."""
        self._session.call("POST", "/api/v1/links/revoke", body=asdict(Grounds(reason, ticket)))

    def history(self, export_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the ledger entries about the export, oldest first."""
        return (self._session.fetch(History, "GET", _path(export_id, "history"))).items

    def artifacts(self, export_id: str) -> Sequence[Artifact]:
        """Return the files that the export hands out."""
        return (self._session.fetch(ArtifactList, "GET", _path(export_id, "artifacts"))).items

    def download(
        self,
        export: Export,
        folder: Path,
        *,
        name: str | None = None,
        on_bytes: Callable[[int, int | None], None] | None = None,
    ) -> Path:
        """Return the path of the export's package, or of its file `name`, in `folder`, whole and checked."""
        artifact = package_of(export) if name is None else _named(export, name)
        try:
            return download(
                self._session,
                _path(export.id, "artifacts", artifact.name),
                folder / file_name(artifact),
                wanted=Version(size=artifact.size, sha256=artifact.sha256),
                on_bytes=on_bytes,
            )
        except LadingError as error:
            raise faults.in_download(error) from error.__cause__

    def open(
        self,
        export: Export,
        folder: Path,
        *,
        limits: Limits | None = None,
        on_bytes: Callable[[int, int | None], None] | None = None,
    ) -> Package:
        """
        Download the export's package into `folder` and return it opened: every byte checked, nothing unpacked.

        PackageInvalid says why it is not what a package should be, or that it is over `limits`: those of any package,
        but for the ratio, which is what the server deflates to.
        """
        path = self.download(export, folder, on_bytes=on_bytes)
        limits = limits or later("lading.artifacts.unpacking.limits", "of_exports")()
        opened: Package = in_thread(later("lading.client.packages", "open_package"), path, limits=limits)
        return opened


def _terms(
    folder: Path | None, timeout: float | None, recovery: Recovery | None, alternative: Alternative | None
) -> Terms:
    return Terms(None if folder is None else folder.absolute(), timeout, recovery or Recovery(), alternative)


def _told(
    on_item: Callable[[BatchItem], None] | None, on_progress: Callable[[BatchItem], None] | None
) -> Callable[[BatchItem], None]:
    def told(item: BatchItem) -> None:
        tell = on_item if item.has_ended else on_progress
        if tell is not None:
            tell(item)

    return told


def package_of(export: Export) -> Artifact:
    """Return the one file with everything in it; NotFound if the export hands out none."""
    for artifact in export.artifacts:
        if artifact.media_type in _PACKAGES:
            return artifact
    polling.completed(export)
    raise NotFound(f"{export.id} hands out no package any more; run the export again.")


def file_name(artifact: Artifact) -> str:
    """Return the name to store the file under; NotFound for one that could leave the folder."""
    name = artifact.name
    if not name or name in {".", ".."} or any(letter in "/\\:" or not letter.isprintable() for letter in name):
        raise NotFound(f"The server offers a file under the name {name[:80]!r}, which is no name; it is not stored.")
    return name


def _named(export: Export, name: str) -> Artifact:
    for artifact in export.artifacts:
        if artifact.name == name:
            return artifact
    known = ", ".join(each.name for each in export.artifacts) or "none"
    raise NotFound(f"{export.id} has no file {name[:80]!r}; it has: {known}.")


def _path(export_id: str, *rest: str) -> str:
    return "/".join((_BASE, *(quote(part, safe="") for part in (export_id, *rest))))
