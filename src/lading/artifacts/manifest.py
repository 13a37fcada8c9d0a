"""
The manifest of a package: what was asked, what came of it, and every file with its digests.

Canonical JSON of schema `lading.manifest/1`.  Holds no time, no id, no host and no software version, so that the same
profile, parameters and rows give the same bytes.  Standard library only: the verifier uses this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lading import canonical
from lading.artifacts.container import Member, Method
from lading.canonical import Json
from lading.errors import PackageInvalid

SCHEMA: Final = "lading.manifest/1"
NAME: Final = "manifest.json"
MEDIA_TYPE: Final = "application/json"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_ROWS: Final = frozenset({"read", "written", "quarantined", "duplicate"})
_CRC: Final = re.compile(r"[0-9a-f]{8}")
_MEDIA: Final = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,80}(; ?[a-z0-9-]+=[A-Za-z0-9.+-]+)*")
_METHODS: Final = {method.label: method for method in Method}
_FIELDS: Final[Mapping[str, type]] = {
    "attachments": dict, "consistency": str, "files": list, "format": str, "parameters": dict, "period": dict,
    "profile": dict, "quarantine": dict, "rows": dict, "schema_version": str, "tenant": str, "warnings": list,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProfileFacts:
    """Which revision of which profile shaped the files; `digest` is the SHA-256 of its document in hex."""

    name: str
    revision: int
    digest: str
    type: str
    title: str
    schema_version: str


@dataclass(frozen=True, slots=True)
class RowFacts:
    """Reconciliation: `read` = `written` + `quarantined` + `duplicate` + `filtered`."""

    read: int
    written: int
    quarantined: int
    duplicate: int
    filtered: int = 0


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the receiver should know; never a row's content."""

    code: str
    message: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Facts:
    """
    What the manifest says besides the files; `tenant` is a slug, dates are `YYYY-MM-DD`.

    `parts` is there when the rows were read in parts, each a look at the source of its own.
    """

    profile: ProfileFacts
    tenant: str
    period_from: str
    period_to: str
    format: str
    rows: RowFacts
    parameters: Mapping[str, Json] = field(default_factory=dict[str, Json])
    warnings: Sequence[Warned] = ()
    quarantine_codes: Mapping[str, int] = field(default_factory=dict[str, int])
    missing_attachments: int = 0
    consistency: str = "repeatable-read-snapshot"
    parts: int | None = None


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as the manifest lists it."""

    member: Member
    media_type: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read back: the whole document, and its files in the order of the package."""

    document: Mapping[str, Any]
    files: tuple[ListedFile, ...]


def encode(facts: Facts, files: Sequence[ListedFile]) -> bytes:
    """Return the bytes of `manifest.json`; ValueError if the row counts do not add up."""
    rows = facts.rows
    counts = {
        "read": rows.read, "written": rows.written, "quarantined": rows.quarantined, "duplicate": rows.duplicate,
        # Only a profile with a filter leaves rows out; a package without is what it always was.
        **({"filtered": rows.filtered} if rows.filtered else {}),
    }  # fmt: skip
    _reconcile(counts)
    attached = [file.member.size for file in files if file.member.name.startswith("attachments/")]
    profile = facts.profile
    return canonical.encode({
        "schema_version": SCHEMA,
        "profile": {
            "name": profile.name, "revision": profile.revision, "digest": profile.digest, "type": profile.type,
            "title": profile.title, "schema_version": profile.schema_version,
        },
        "tenant": facts.tenant,
        "period": {"from": facts.period_from, "to": facts.period_to},
        "parameters": dict(facts.parameters),
        "format": facts.format,
        "consistency": facts.consistency,
        **({} if facts.parts is None else {"parts": facts.parts}),
        "rows": dict(counts),
        "warnings": [{"code": each.code, "message": each.message, "count": each.count} for each in facts.warnings],
        "quarantine": {"count": facts.rows.quarantined, "codes": dict(facts.quarantine_codes)},
        "attachments": {"included": len(attached), "missing": facts.missing_attachments, "bytes": sum(attached)},
        "files": [_listed(file) for file in files],
    })  # fmt: skip


def decode(data: bytes) -> Manifest:
    """Return the manifest in `data`; PackageInvalid if it is not one."""
    try:
        document: Any = canonical.decode(data)
        return _manifest(document)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise PackageInvalid(f"{NAME} is damaged or not a manifest: {error}.") from error


def _listed(file: ListedFile) -> Json:
    member = file.member
    return {
        "name": member.name, "size": member.size, "sha256": member.sha256, "media_type": file.media_type,
        "method": member.method.label, "stored_size": member.stored_size, "stored_sha256": member.stored_sha256,
        "crc32": f"{member.crc:08x}",
    }  # fmt: skip


def _manifest(document: Any) -> Manifest:
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA:
        raise ValueError(f"its schema_version is not {SCHEMA}")
    for name, kind in _FIELDS.items():
        if not isinstance(document.get(name), kind):
            raise ValueError(f"{name} is missing or of the wrong type")
    if document.keys() - {"parts"} != _FIELDS.keys():
        raise ValueError("it has fields that are not known")
    _count(document.get("parts", 0))
    rows = document["rows"]
    if rows.keys() - {"filtered"} != _ROWS:
        raise ValueError("its rows lack a count, or have one that is not known")
    _reconcile({name: _count(count) for name, count in rows.items()})
    return Manifest(document, tuple(_file(entry) for entry in document["files"]))


def _file(entry: Any) -> ListedFile:
    name, media_type = entry["name"], entry["media_type"]
    if not isinstance(name, str) or not isinstance(media_type, str) or not _MEDIA.fullmatch(media_type):
        raise ValueError("a file has no name or no media type")
    if len(entry) != 8:
        raise ValueError(f"{name} has fields that are not known")
    if not _CRC.fullmatch(entry["crc32"]):
        raise ValueError(f"{name} has no CRC")
    member = Member(
        name, _count(entry["size"]), _digest(entry["sha256"]), _METHODS[entry["method"]],
        _count(entry["stored_size"]), _digest(entry["stored_sha256"]), int(entry["crc32"], 16),
    )  # fmt: skip
    return ListedFile(member, media_type)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a count or size is no whole number")
    return value


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError("a digest is not a SHA-256 in hex")
    return value


def _reconcile(rows: Mapping[str, int]) -> None:
    if 2 * rows["read"] != sum(rows.values()):
        raise ValueError(f"rows do not add up: {', '.join(f'{count} {name}' for name, count in rows.items())}")
