"""
Destinations: named places that packages are delivered to, and what the settings of each kind may say.

A destination never holds a secret: `credentials_ref` says where it is, and the worker reads it at the last moment.
Every change and its ledger entry are in the caller's transaction; nothing here commits or connects.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading.artifacts import names
from lading.artifacts.store_directory import root_of
from lading.db import versions
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.db.versions import Version
from lading.errors import Conflict, DestinationRefused, InvalidInput, NotFound
from lading.exports.model import StoredExport
from lading.exports.recipients import check_recipients
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record
from lading.sources.credentials import FORM, is_reserved
from lading.sources.guard import origin_of, target_of
from lading.sources.http_site import HEADER, is_callers
from lading.sources.options import BUCKET, ENDPOINT, PREFIX, REGION, Option, check_against

_SQL: Final = Statements("lading.exports")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
_LONGEST_NAME: Final = 300
_FIELDS: Final = frozenset(
    {"profile", "type", "period_from", "period_to", "year", "revision", "export", "tenant", "file"}
)
_LITERAL: Final = re.compile(r"[A-Za-z0-9._/-]*")
DEFAULT_OBJECT_NAME: Final = "{profile}/{export}/{file}"

_FOLDER: Final = Option(
    re.compile(r"/[^\0\ud800-\udfff]{1,400}"), "must be the absolute path of the folder", is_required=True
)
_CHECKSUMS: Final = Option(re.compile(r"sha256|none"), "must be sha256 or none")
_VERIFY: Final = Option(re.compile(r"etag|read|none"), "must be etag, read or none")
_MD5: Final = Option(re.compile(r"md5|read"), "must be md5 or read")
_ACCOUNT: Final = Option(re.compile(r"[a-z0-9]{3,24}"), "must be the name of a storage account", is_required=True)
_CONTAINER: Final = Option(
    re.compile(r"(?=.{3,63}\Z)[a-z0-9](-?[a-z0-9])*"), "must be the name of a container", is_required=True
)
_PATHED: Final = Option(
    re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,200}(/[a-z0-9]{3,24})?/?"),
    "must be a URL such as https://account.blob.example.org, with the account as path where it is not in the name",
)
_RECEIVER: Final = Option(
    re.compile(r"https?://[^?#\s]{1,1900}"),
    "must be a URL such as https://receiver.example.org/inbox, without user, query and fragment; "
    "a secret goes where credentials_ref points",
    is_required=True,
)
_OURS: Final = re.compile(r"webhook-|lading-|if-|want-|repr-digest$", re.IGNORECASE)
_METHOD: Final = Option(re.compile(r"PUT|POST"), "must be PUT or POST")
_SHOWN_IN: Final = Option(re.compile(HEADER), "must be the name of a header, such as X-Api-Key")
_READ: Final = Option(re.compile(r"read|none"), "must be read or none")
_S3: Final = {"bucket": BUCKET, "prefix": PREFIX, "region": REGION, "verify": _VERIFY}
OPTIONS: Final[Mapping[str, Mapping[str, Option]]] = {
    "directory": {"path": _FOLDER},
    "s3": {**_S3, "endpoint": ENDPOINT, "checksums": _CHECKSUMS},
    "gcs": {**_S3, "endpoint": ENDPOINT},
    "azure": {"account": _ACCOUNT, "container": _CONTAINER, "prefix": PREFIX, "endpoint": _PATHED, "verify": _MD5},
    "webhook": {"url": _RECEIVER, "method": _METHOD, "header": _SHOWN_IN, "verify": _READ},
}
KINDS: Final = tuple(OPTIONS)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a destination is set to: where it is and how packages are called and kept there."""

    kind: str
    options: Mapping[str, str]
    credentials_ref: str | None = None
    object_name: str = DEFAULT_OBJECT_NAME
    overwrite: bool = False
    encrypt_to: Sequence[str] = ()
    timeout_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Destination:
    """One registered destination of one tenant; `version` counts its changes."""

    tenant_id: UUID
    name: str
    settings: Settings
    version: int

    @property
    def host(self) -> str:
        """Return the name under which limits, pauses and breakers know it; no source can be called so."""
        return host_of(self.name)


def host_of(name: str) -> str:
    """Return the host of jobs that deliver to the destination `name`."""
    return f"destination.{name}"


async def put(
    tx: Transaction, name: str, settings: Settings, *, roots: Sequence[Path], actor: Actor, version: Version = None
) -> Destination:
    """
    Return the destination as it stands after this: new, replaced (version + 1), or unchanged (nothing recorded).

    A directory must lie below one of `roots`.  With `version` only that version is replaced.
    """
    settled = _checked(name, settings, roots)
    await _require(tx, name, version)
    row = await tx.maybe(
        _SQL["destination_put"],
        tenant_id=tx.tenant,
        name=name,
        kind=settings.kind,
        credentials_ref=settings.credentials_ref,
        options=Jsonb(settled),
        object_name=settings.object_name,
        overwrite=settings.overwrite,
        encrypt_to=check_recipients("encrypt_to", settings.encrypt_to),
        timeout_seconds=settings.timeout_seconds,
    )
    if row is None:
        stands = await get(tx, name)
        versions.require(f"Destination {name}", stands.version, version)
        return stands
    versions.require_made(f"Destination {name}", row["version"], version)
    data = {
        "kind": settings.kind,
        "credentials": settings.credentials_ref,
        "overwrite": settings.overwrite,
        "recipients": len(settings.encrypt_to),
        "timeout_seconds": settings.timeout_seconds,
    }
    await record(tx, Entry("destination.set", f"destination:{name}", actor, data, row["version"]))
    return _destination(row)


async def get(tx: Transaction, name: str) -> Destination:
    """Return the destination; NotFound says how to register one."""
    row = await tx.maybe(_SQL["destination_get"], tenant_id=tx.tenant, name=name)
    if row is None:
        raise NotFound(
            f"There is no destination {name[:60]!r}; register it, or name one that `lading destinations list` shows."
        )
    return _destination(row)


async def lock(tx: Transaction, name: str, version: Version) -> Destination:
    """Return the destination, which nobody else changes until the transaction ends."""
    await _require(tx, name, version)
    return await get(tx, name)


async def page(tx: Transaction, *, after: str | None, limit: int) -> Sequence[Destination]:
    """Return up to `limit` destinations of the tenant, by name, those after `after`."""
    rows = await tx.all(_SQL["destinations_page"], tenant_id=tx.tenant, after=after, limit=limit)
    return [_destination(row) for row in rows]


async def known(tx: Transaction, wanted: Sequence[str]) -> Mapping[str, Destination]:
    """Return those of the named destinations that there are."""
    rows = await tx.all(_SQL["destinations"], tenant_id=tx.tenant, names=list(wanted))
    return {row["name"]: _destination(row) for row in rows}


async def named(tx: Transaction, wanted: Sequence[str]) -> Sequence[Destination]:
    """Return the destinations with these names; InvalidInput names the first that there is not."""
    found = await known(tx, wanted)
    for number, name in enumerate(wanted):
        if name not in found:
            raise InvalidInput.field(
                f"destinations.{number}", f"there is no destination {name[:60]!r}; register it first.", code="unknown"
            )
    return [found[name] for name in wanted]


async def delete(
    tx: Transaction, name: str, *, actor: Actor, reason: str, ticket: str | None, version: Version = None
) -> None:
    """Remove the destination, unless something is on its way there."""
    if not await _require(tx, name, version):
        await get(tx, name)
    users = await tx.one(_SQL["destination_users"], tenant_id=tx.tenant, name=name)
    if users["deliveries"] or users["exports"]:
        raise Conflict(
            f"{users['deliveries']} deliveries and {users['exports']} exports on their way to {name} have not ended; "
            "let them end or cancel them."
        )
    row = await tx.one(_SQL["destination_delete"], tenant_id=tx.tenant, name=name)
    data = {"kind": row["kind"], **grounds(reason, ticket)}
    await record(tx, Entry("destination.deleted", f"destination:{name}", actor, data, row["version"]))


def require_readers(destination: Destination, export: StoredExport) -> None:
    """Return if the package of `export` is encrypted to everybody that `destination` wants it to be."""
    left_out = set(destination.settings.encrypt_to) - set(export.plan.handover.encrypt_to)
    if left_out:
        raise DestinationRefused(
            f"{destination.name} wants packages encrypted to {len(left_out)} keys that this one is not encrypted to; "
            "ask for a new export with that destination."
        )


def object_name(template: str, export: StoredExport, file: str) -> str:
    """Return what the package `file` of an export is called at a destination: the same whenever it is asked."""
    plan = export.plan
    name = template.format(
        profile=plan.profile,
        type=plan.type,
        period_from=plan.period_from.isoformat(),
        period_to=plan.period_to.isoformat(),
        year=plan.period_to.year,
        revision=plan.revision,
        export=export.subject,
        tenant=export.tenant_slug,
        file=file,
    )
    if (wrong := names.fault(name)) is not None:
        raise DestinationRefused(f"The object_name makes {name[:200]!r}, which can't be a name there: {wrong}.")
    return name


async def _require(tx: Transaction, name: str, version: Version) -> bool:
    row = await tx.maybe(_SQL["destination_lock"], tenant_id=tx.tenant, name=name)
    if row is not None:
        versions.require(f"Destination {name}", row["version"], version)
    elif not versions.may_be_new(version):
        # Which says that there is none, unless somebody has just made one.
        versions.require(f"Destination {name}", (await get(tx, name)).version, version)
    return row is not None


def _checked(name: str, settings: Settings, roots: Sequence[Path]) -> dict[str, Any]:
    if not _NAME.fullmatch(name):
        raise InvalidInput.field("name", "must be 1 to 50 of a-z, 0-9, - and _, and begin with a letter or digit")
    if settings.kind not in OPTIONS:
        raise InvalidInput.field("kind", f"must be one of: {', '.join(KINDS)}")
    options = check_against(settings.kind, OPTIONS[settings.kind], settings.options)
    if settings.kind == "directory":
        if root_of(Path(options["path"]), roots) is None:
            raise InvalidInput.field(
                "options",
                "path must lie below a folder that the operator allows in LADING_DELIVERY_ROOTS, and hold no `..`",
            )
    elif settings.credentials_ref is None:
        raise InvalidInput.field("credentials_ref", f"is needed by kind {settings.kind}")
    if settings.kind == "webhook":
        _check_receiver(options)
    _check_reference(settings.credentials_ref)
    if wrong := template_fault(settings.object_name):
        raise InvalidInput.field("object_name", wrong)
    if not 1 <= settings.timeout_seconds <= 3600:
        raise InvalidInput.field("timeout_seconds", "must be between 1 and 3600")
    return options


def _check_receiver(options: Mapping[str, str]) -> None:
    path = target_of(options["url"]).split("/")
    if origin_of(options["url"]) is None or "." in path or ".." in path:
        raise InvalidInput.field("options", f"url {_RECEIVER.sentence}")
    if is_callers(options.get("header", "")) or _OURS.match(options.get("header", "")):
        raise InvalidInput.field("options", "header names one that belongs to the call itself; name another")
    if options.get("method") == "POST" and options.get("verify") == "read":
        raise InvalidInput.field("options", "verify can't be read with method POST: nothing says where it would lie")


def _check_reference(reference: str | None) -> None:
    if reference is not None and not FORM.fullmatch(reference):
        raise InvalidInput.field(
            "credentials_ref",
            "must read env:NAME, file:/absolute/path, systemd:NAME or kubernetes:/absolute/path; "
            "the secret itself never goes here",
        )
    if reference is not None and is_reserved(reference):
        raise InvalidInput.field(
            "credentials_ref", "names a variable of Lading itself; use one that the destination owns"
        )


def template_fault(template: str) -> str | None:
    """
    Return what is wrong with the template of an object's name, None if nothing is.

    >>> template_fault("{tenant}/{year}/{file}"), template_fault("{profile}")
    (None, 'must hold {file}, which is what the package is called')
    >>> template_fault("../{file}")
    'must be a relative path without empty or dotted parts'
    """
    known = ", ".join(sorted(_FIELDS))
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return "has a brace without its partner"
    for literal, field, form, conversion in parts:
        if not _LITERAL.fullmatch(literal):
            return "may hold A-Z a-z 0-9 . _ - / and {placeholders}"
        if field is not None and (field not in _FIELDS or form or conversion):
            return f"has an unknown placeholder; known are: {known}"
    if len(template) > _LONGEST_NAME or any(not part.strip(".") for part in template.split("/")):
        return "must be a relative path without empty or dotted parts"
    if "{file}" not in template:
        return "must hold {file}, which is what the package is called"
    return None


def _destination(row: Row) -> Destination:
    return Destination(
        tenant_id=row["tenant_id"],
        name=row["name"],
        settings=Settings(
            kind=row["kind"],
            options=row["options"],
            credentials_ref=row["credentials_ref"],
            object_name=row["object_name"],
            overwrite=row["overwrite"],
            encrypt_to=tuple(row["encrypt_to"]),
            timeout_seconds=row["timeout_seconds"],
        ),
        version=row["version"],
    )
