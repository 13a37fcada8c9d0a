"""
What may be asked of a delta: which export it is relative to, and how its rows are told apart.

A delta holds the rows of an export that were added, changed or removed since another one of the same profile.  Rows are
read back from the file that the base export handed out, so its format must be one that programs read.  Light: the API
loads this; `types/delta` does the work.  Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lading import ids
from lading.db.transaction import Transaction
from lading.errors import Conflict, FieldError, InvalidInput, NotFound
from lading.exports import profile as profiles
from lading.exports import published, registry
from lading.exports.model import Plan, Status, StoredArtifact
from lading.exports.profile import Column, Profile
from lading.exports.types import store as selecting
from lading.exports.types.store import Chosen
from lading.wire.exports import ExportRequest

VARIANT: Final = "delta"
FULL: Final = "full"
FORMATS: Final = ("csv", "tsv", "json", "ndjson", "parquet")
_ZIP: Final = "application/zip"


def is_delta(plan: Plan) -> bool:
    """Tell whether an export is relative to another."""
    return plan.selector.get("variant") == VARIANT


def key_columns(profile: Profile) -> list[str]:
    """
    Return the output columns that hold the profile's key as it is, or as a pseudonym of it; none if one is not there.

    Without them a changed row can't be told from one that was removed and another that was added.
    """
    found = [next((column.name for column in profile.columns if _holds(column, name)), None) for name in profile.key]
    return [] if None in found else [name for name in found if name is not None]


async def admit(tx: Transaction, request: ExportRequest, profile: Profile, plan: Plan) -> dict[str, Any]:
    """Return the selector of the request: empty for a full export; InvalidInput or Conflict says what can't be."""
    if request.variant is not None and request.variant not in {FULL, VARIANT}:
        raise InvalidInput.field("variant", f"{request.variant[:40]!r} is no variant; choose {FULL} or {VARIANT}")
    if request.variant != VARIANT:
        if request.base is not None:
            raise InvalidInput.field("base", f"is for the variant {VARIANT}; leave it out, or ask for that variant")
        return {}
    if plan.format not in FORMATS:
        raise InvalidInput.field(
            "format", f"rows of {plan.format} can't be compared; a delta is made of {', '.join(FORMATS)}"
        )
    if request.base is None:
        raise InvalidInput.field("base", "is required: the export that the delta is relative to", code="required")
    base = await _base(tx, request.base)
    await _check_alike(tx, base, profile, plan)
    files = (await published.of_exports(tx, [base.id]))[base.id]
    packages = [file for file in files if file.media_type == _ZIP]
    if not packages or report_of(files) is None:
        raise Conflict(
            f"{request.base} hands out no file whose rows can be read (it may be encrypted, or empty); "
            "name another base, or ask for a full export."
        )
    return {"variant": VARIANT, "base": request.base}


def report_of(files: list[StoredArtifact]) -> StoredArtifact | None:
    """Return the file with the rows, among those that an export hands out."""
    return next((file for file in files if file.name.rpartition(".")[2] in FORMATS), None)


async def _base(tx: Transaction, text: str) -> Chosen:
    try:
        base_id = ids.parse(ids.EXPORT, text)
    except NotFound as error:
        raise InvalidInput.field("base", error.message) from error
    found = await selecting.named(tx, [base_id])
    if not found:
        raise NotFound(f"There is no export {text} in this organisation.")
    [base] = found
    if base.state in {"deleted", Status.EXPIRED.value}:
        raise Conflict(f"The files of {text} are gone ({base.state}); name another base, or ask for a full export.")
    if base.state != Status.COMPLETED.value:
        raise Conflict(f"{text} is {base.state}; a delta is relative to a completed export.")
    return base


async def _check_alike(tx: Transaction, base: Chosen, profile: Profile, plan: Plan) -> None:
    faults: list[FieldError] = []
    if base.profile != profile.name:
        faults.append(FieldError("/base", f"is an export of {base.profile}, not of {profile.name}; name one of those"))
    elif base.selector.get("variant") == VARIANT:
        faults.append(FieldError("/base", "is a delta itself; name the full export that it is relative to, or a later"))
    elif base.format != plan.format:
        faults.append(
            FieldError("/format", f"is {plan.format}, but the base is {base.format}; ask for the same format")
        )
    else:
        before = profiles.parse((await registry.get(tx, base.profile, base.revision)).document)
        if _shape(before) != _shape(profile):
            told = f"is of revision {base.revision}, which has another key, other columns or masks; ask for all rows"
            faults.append(FieldError("/base", told))
        faults += _other_parameters(base.parameters, plan.parameters)
    if faults:
        raise InvalidInput(f"{faults[0].pointer[1:]}: {faults[0].detail}", tuple(faults))


def _other_parameters(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield each parameter that had another value: what another choice of rows adds or removes is no change."""
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            told = "is not what the base was asked for with; ask for the same, or name another base"
            yield FieldError(f"/parameters/{name}", told)


def _shape(profile: Profile) -> Any:
    columns = [
        (column.name, column.type, column.number_format, column.date_format, column.boolean_words, column.mask)
        for column in profile.columns
    ]
    styles = (profile.csv, profile.tsv, profile.json, profile.timezone)
    return profile.key, key_columns(profile), columns, styles, profile.totals is None


def _holds(column: Column, name: str) -> bool:
    is_plain = not column.transforms and column.values is None and column.default is None and not column.placeholder
    is_told_apart = column.mask is None or column.mask.kind == "pseudonym"
    return column.source == name and is_plain and is_told_apart
