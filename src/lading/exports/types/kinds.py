"""
Which types of export need no profile, what each may be asked, and what stands in for its profile.

Light: the API loads this.  `requests` turns a request of these types into a plan, `stages` does the work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from lading import canonical
from lading.errors import FieldError
from lading.exports.model import Plan
from lading.exports.profile import Format, Profile
from lading.exports.types.names import AUDIT_BUNDLE, AUDIT_REPORT, EVIDENCE_PACK, SNAPSHOT
from lading.sources.model import Selection
from lading.wire.exports import ExportRequest

HOST: Final = "lading"
"""What such an export reads when it is no source: the records of this installation itself."""

_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    EVIDENCE_PACK: frozenset({"type", "exports", "profile", "period", "as_of"}),
    AUDIT_REPORT: frozenset({"type", "period", "as_of"}),
    SNAPSHOT: frozenset({"type", "source", "tables", "profile", "revision", "period", "parameters", "format"}),
    AUDIT_BUNDLE: frozenset({"type"}),
}
_PROFILE_FIELDS: Final = frozenset(
    {"type", "profile", "period", "format", "revision", "parameters", "include_attachments", "variant", "base"}
)
_TITLES: Final[Mapping[str, str]] = {
    EVIDENCE_PACK: "Evidence pack",
    AUDIT_REPORT: "Audit report",
    SNAPSHOT: "Snapshot",
    AUDIT_BUNDLE: "Audit bundle",
}
_FORMATS: Final[Mapping[str, tuple[Format, ...]]] = {
    EVIDENCE_PACK: ("pdf",),
    AUDIT_REPORT: ("pdf",),
    SNAPSHOT: ("parquet", "csv", "ndjson"),
    AUDIT_BUNDLE: ("ndjson",),
}
_LAYOUT: Final = 1


def is_own(type: str | None) -> bool:  # noqa: A002 - the field's own word
    """Tell whether a type needs no profile."""
    return type in _FIELDS


def formats(type: str) -> tuple[Format, ...]:  # noqa: A002 - the field's own word
    """Return the formats of a type without a profile, its default first."""
    return _FORMATS[type]


def misplaced(request: ExportRequest) -> list[FieldError]:
    """
    Return a fault for each field that says something to another type.

    >>> [fault.pointer for fault in misplaced(ExportRequest(type="audit_report", tables=["a"]))]
    ['/tables']
    """
    allowed = _FIELDS.get(request.type or "", _PROFILE_FIELDS)
    what = request.type if is_own(request.type) else "an export of a profile"
    empty = asdict(ExportRequest())
    return [
        FieldError(f"/{name}", f"is not a field of {what}; leave it out", "unknown")
        for name, value in asdict(request).items()
        if name in _SHARED and name not in allowed and value != empty[name]
    ]


# Fields that some other feature adds for every type are judged there.
_SHARED: Final = _PROFILE_FIELDS.union(*_FIELDS.values())


def profile_of(plan: Plan) -> Profile:
    """Return what stands in for a profile: its names and no column."""
    return Profile(
        name=plan.type,
        type=plan.type,
        title=_TITLES[plan.type],
        description="",
        schema_version=str(_LAYOUT),
        language="en",
        timezone="UTC",
        source=str(plan.selector.get("source", HOST)),
        selection=Selection(),
        key=(),
        attachments=None,
        parameters={},
        formats=_FORMATS[plan.type],
        default_format=_FORMATS[plan.type][0],
        file_name="{profile}_{period_from}_{period_to}",
        columns=(),
    )


def digest_of(plan: Plan) -> str:
    """Return what stands in for the digest of a profile: that of the type and of the layout of its package."""
    definition: dict[str, Any] = {"type": plan.type, "layout": _LAYOUT}
    return hashlib.sha256(canonical.encode(definition)).hexdigest()
