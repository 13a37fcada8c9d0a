"""
The artifact registry over HTTP: what is stored, what it was made of, where it is used; check it, collect it.

Content is named by its SHA-256.  A tenant sees its own content alone: what another one stores does not exist.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, cursors, documents, downloads, grounds
from lading.api.auth import DOWNLOADERS, INSPECTORS, OPERATORS, READERS, Caller, gate
from lading.api.problems import request_id_of
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.artifacts import registry
from lading.artifacts.blobs import BlobStore
from lading.canonical import Json
from lading.errors import InvalidInput, NotFound
from lading.exports import checking, published, retention, shapes
from lading.exports.model import Published
from lading.exports.published import PublishedFilter
from lading.ledger import store as ledger
from lading.ledger.entry import grounds as told
from lading.wire import artifacts as wire

router: Final = new_router("artifacts")
_BASE: Final = "/api/v1/artifacts"
_ONE: Final = f"{_BASE}/{{digest}}"
_CONTENT: Final = f"{_ONE}/content"
_READER: Final = gate(READERS)
_DOWNLOADER: Final = gate(DOWNLOADERS)
_OPERATOR: Final = gate(OPERATORS)
_INSPECTOR: Final = gate(INSPECTORS)
_MAX_PAGE: Final = 200
_MOST_USES: Final = 20
_MOST_BYTES: Final = 256 << 20  # a second of reading, so that no answer lets its caller wait for long

_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(_READER)]
_Downloader = Annotated[Caller, Depends(_DOWNLOADER)]
_Digest = Annotated[str, Path(description="SHA-256 of the content, 64 hex digits in lower case.")]
_Cursor = Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")]
_IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", description="Entity tags the caller has already.")]


@router.get(_BASE, name="listPublishedArtifacts", response_model=wire.ArtifactPage, responses=documents.problems(404))
async def list_artifacts(
    *,
    caller: _Reader,
    services: _Services,
    digest: Annotated[str | None, Query(max_length=64, description="SHA-256 in lower-case hex.")] = None,
    export: Annotated[str | None, Query(max_length=60, description="`exp_…`.")] = None,
    media_type: Annotated[str | None, Query(max_length=200)] = None,
    created_from: Annotated[AwareDatetime | None, Query(description="Published at this instant or later.")] = None,
    created_to: Annotated[AwareDatetime | None, Query(description="Published before this instant.")] = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
    cursor: _Cursor = None,
) -> Response:
    """List the files that exports hand out, those of the newest export first."""
    if digest is not None and not registry.is_digest(digest):
        raise InvalidInput.field("digest", "is no SHA-256; give 64 hex digits in lower case.")
    filters: list[Json] = [digest, export, media_type, clock.shown(created_from), clock.shown(created_to)]
    wanted = PublishedFilter(
        digest, None if export is None else ids.parse(ids.EXPORT, export), media_type, created_from, created_to
    )
    before = cursors.parse_words(cursor, 2, filters)
    async with services.database.tenant(caller.tenant.id) as tx:
        place = None if before is None else (cursors.identifier(before[0], ids.EXPORT), before[1])
        found = await published.page(tx, wanted, before=place, limit=limit + 1)
    following = None
    if len(found) > limit:
        last = found[limit - 1]
        following = cursors.show_words([ids.show(ids.EXPORT, last.export_id), last.name], filters)
    return answers.shown(wire.ArtifactPage([_published(each) for each in found[:limit]], following))


@router.get(f"{_BASE}/verification", name="verifyStoredContent", response_model=wire.Verification)
async def verify(
    *,
    caller: Annotated[Caller, Depends(_INSPECTOR)],
    services: _Services,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
    cursor: _Cursor = None,
) -> Response:
    """Read stored files again and tell which are missing or damaged; a portion ends after 256 MiB."""
    before = cursors.parse_words(cursor, 1, [])
    after = "" if before is None else before[0]
    if after and not registry.is_digest(after):
        raise InvalidInput.field("cursor", "is not a cursor of this list; start again without it.")
    looked = await checking.look(
        services.database, _blobs(services), caller.tenant.id, after=after, limit=limit, most_bytes=_MOST_BYTES
    )
    faults = [wire.ContentFault(each.sha256, each.size, each.problem) for each in looked.faults]
    following = None if looked.after is None else cursors.show_words([looked.after], [])
    return answers.shown(wire.Verification(looked.checked, looked.bytes, faults, following))


@router.post(
    f"{_BASE}/collect",
    name="collectStoredContent",
    response_model=wire.Collection,
    responses=documents.problems(400),
)
async def collect(
    body: wire.CollectionRequest, caller: Annotated[Caller, Depends(_OPERATOR)], services: _Services
) -> Response:
    """Take away now what nothing points at and is older than the grace; the sweep does it every minute anyway."""
    grace, tenant_id, blobs = services.settings.artifact_grace_seconds, caller.tenant.id, _blobs(services)
    if body.dry_run:
        due = await retention.collectable(services.database, blobs, tenant_id, grace_seconds=grace)
        return answers.shown(wire.Collection(due.objects, due.bytes, due.files, dry_run=True))
    given = grounds.admit(body.reason, body.ticket)
    gone, files = await retention.collect_tenant(
        services.database,
        blobs,
        tenant_id,
        grace_seconds=grace,
        actor=caller.principal.actor,
        grounds=told(given.reason, given.ticket),
    )
    return answers.shown(wire.Collection(gone.objects, gone.bytes, files, dry_run=False))


@router.get(_ONE, name="getStoredContent", response_model=wire.StoredContent, responses=documents.problems(404))
async def get(digest: _Digest, caller: _Reader, services: _Services) -> Response:
    """Tell of some content: its state, where it is used, and what went into it."""
    known = _known(digest)
    async with services.database.tenant(caller.tenant.id) as tx:
        stored = (await registry.find(tx, [known])).get(known)
        uses = await published.page(tx, PublishedFilter(digest=known), before=None, limit=_MOST_USES)
        receipt = await ledger.receipt(tx, registry.subject_of(known), "artifact.published")
    if stored is None and not uses:
        raise _unknown(known)
    # What was published before there were objects has none; its files are as live as its exports.
    gone_at = None if stored is None else stored.tombstoned_at
    return answers.shown(
        wire.StoredContent(
            sha256=known,
            size=uses[0].size if stored is None else stored.size,
            state="live" if stored is None else stored.state,
            created_at=clock.show(uses[-1].created_at if stored is None else stored.created_at),
            tombstoned_at=clock.shown(gone_at),
            uses=[_use(each) for each in uses],
            receipt=None if receipt is None else shapes.receipt(receipt),
            href=f"{_BASE}/{known}/content",
        )
    )


@router.get(_CONTENT, name="downloadStoredContent", response_class=Response, responses=downloads.DOCUMENT)
async def download(
    *,
    digest: _Digest,
    request: Request,
    caller: _Downloader,
    services: _Services,
    if_none_match: _IfNoneMatch = None,
    range: Annotated[str | None, Header(alias="Range", description="One range of bytes.")] = None,  # noqa: A002 - the header's name
    if_range: Annotated[str | None, Header(alias="If-Range", description="The entity tag the range continues.")] = None,
) -> Response:
    """Download content by its digest; counted and recorded as a download of the newest export that hands it out."""
    order = downloads.Order(caller.principal, caller.tenant.id, partial(_newest, services, caller, digest))
    given = downloads.Conditions(if_none_match, range, if_range)
    return await downloads.answer(services.exports, order, given, request_id_of(request))


@router.head(_CONTENT, name="headStoredContent", response_class=Response, responses=downloads.DOCUMENT_HEAD)
async def head(
    digest: _Digest, caller: _Downloader, services: _Services, if_none_match: _IfNoneMatch = None
) -> Response:
    """Tell size and type of some content; not counted as a download."""
    facts = await services.exports.artifact_facts(caller.tenant.id, *await _newest(services, caller, digest))
    return downloads.head(facts, if_none_match=if_none_match)


async def _newest(services: Services, caller: Caller, digest: str) -> tuple[UUID, str]:
    known = _known(digest)
    async with services.database.tenant(caller.tenant.id) as tx:
        uses = await published.page(tx, PublishedFilter(digest=known), before=None, limit=1)
    if not uses:
        raise _unknown(known)
    return uses[0].export_id, uses[0].name


def _known(digest: str) -> str:
    if not registry.is_digest(digest):
        raise NotFound(f"{digest[:64]!r} is no SHA-256 in lower-case hex; list the artifacts to find it.")
    return digest


def _unknown(digest: str) -> NotFound:
    return NotFound(f"No export of this organisation hands out {digest}; list the artifacts to see what there is.")


def _blobs(services: Services) -> BlobStore:
    return services.exports.blobs


def _use(found: Published) -> wire.ArtifactUse:
    inputs = [wire.Input(each["kind"], each["name"], each["sha256"], each.get("size")) for each in found.inputs]
    return wire.ArtifactUse(_published(found), inputs)


def _published(found: Published) -> wire.PublishedArtifact:
    export = ids.show(ids.EXPORT, found.export_id)
    return wire.PublishedArtifact(
        sha256=found.sha256,
        name=found.name,
        media_type=found.media_type,
        size=found.size,
        export=export,
        profile=found.profile,
        revision=found.revision,
        profile_sha256=found.profile_digest,
        source=found.source,
        job=None if found.job_id is None else ids.show(ids.JOB, found.job_id),
        attempt=found.attempt,
        lease=None if found.lease_id is None else ids.show(ids.LEASE, found.lease_id),
        downloads=found.downloads,
        created_at=clock.show(found.created_at),
        href=f"{shapes.BASE}/{export}/artifacts/{quote(found.name, safe='')}",
    )
