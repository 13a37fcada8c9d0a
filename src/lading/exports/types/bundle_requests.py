"""
A request for an audit bundle becomes a plan: its span is fixed now, at signed heads, so that it can never move.

Takes `tx`, never commits.  Light: the API loads this.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from lading import clock, ids
from lading.bundles import store as ledger
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import Conflict, Forbidden, InvalidInput, NotFound
from lading.exports.model import Plan
from lading.exports.types import kinds, names
from lading.jobs import store as jobs
from lading.ledger import instance, tiles
from lading.ledger.store import SignedHead
from lading.ledger.tiles import Tree
from lading.tenants.model import Principal, Role, Scope
from lading.wire.bundles import BundleRequest

_SQL: Final = Statements("lading.exports.types")
HOST: Final = kinds.HOST
PREVIOUS: Final = "previous"
LOGGED: Final = "logged"
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST_YEAR: Final = 2000
_SETTLED: Final = datetime.timedelta(seconds=60)
# Only theirs may hold rows that no profile masks.
_UNMASKED: Final = Role.ADMIN


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What a bundle holds, as an export's selector keeps it.

    `start` and `end` are places in the ledger; the tree of `epoch` has its first leaf at `base`.
    """

    start: int
    end: int
    epoch: int
    base: int
    subject: str | None
    content: str | None
    """None: no files; `masked`: those that any auditor may see; `all`: snapshots, too."""
    is_logged: bool = False
    """Whether the instance's log knew the head that the span ends with when it was asked for."""
    is_stamped: bool = False
    """Whether somebody else had put the time on that log's head by then."""
    has_disclosures: bool = False

    @property
    def first(self) -> int:
        """Return the leaf that the span begins with."""
        return self.start - self.base

    @property
    def size(self) -> int:
        """Return the size of the tree where the span ends, in leaves."""
        return self.end - self.base

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "start": self.start,
            "end": self.end,
            "epoch": self.epoch,
            "base": self.base,
            **({} if self.subject is None else {"subject": self.subject}),
            **({} if self.content is None else {"content": self.content}),
            **({"logged": True} if self.is_logged else {}),
            **({"stamped": True} if self.is_stamped else {}),
            **({"disclosures": True} if self.has_disclosures else {}),
        }

    @classmethod
    def of(cls, plan: Plan) -> Wanted:
        """Return what a plan asks for."""
        selector = plan.selector
        return cls(
            selector["start"], selector["end"], selector["epoch"], selector["base"],
            selector.get("subject"), selector.get("content"), selector.get("logged", False),
            selector.get("stamped", False),
            selector.get("disclosures", False),
        )  # fmt: skip


def permit_files(principal: Principal, plan: Plan) -> None:
    """Raise Forbidden unless the principal may have a bundle of that plan: it shows the whole ledger."""
    if plan.type != names.AUDIT_BUNDLE:
        return
    if Scope.AUDIT not in principal.scopes:
        raise Forbidden("It holds the ledger; it takes the scope audit.")
    content = Wanted.of(plan).content
    if content is not None and Scope.DOWNLOAD not in principal.scopes:
        raise Forbidden("It holds files of exports; it takes the scope download, too.")
    if content == "all" and principal.role is not _UNMASKED:
        raise Forbidden("It holds snapshots, whose rows no profile masks; it takes the role admin.")


async def admit(tx: Transaction, request: BundleRequest, principal: Principal) -> Plan:
    """Return the plan of a bundle; InvalidInput names what can't be."""
    newest = await ledger.head_until(tx)
    if newest is None:
        raise Conflict("The ledger has no signed head yet; ask again in a few seconds.")
    subject = await _subject(tx, request)
    end = await _end(tx, request.until, newest)
    tree = await _tree(tx, end)
    start = await _start(tx, request.since, end, tree)
    if start >= end:
        raise InvalidInput.field("since", "leaves nothing before the end of the span; begin earlier.", code="nothing")
    logged = await instance.logged(tx, size=end)
    stamp = None if logged is None else await ledger.stamp(tx, logged.head.size)
    content = None
    if request.with_artifacts:
        content = "all" if principal.role is _UNMASKED else "masked"
    first, last = (each.astimezone(datetime.UTC).date() for each in await ledger.days(tx, start, end))
    wanted = Wanted(
        start, end, tree.epoch, tree.base, subject, content,
        is_logged=logged is not None, is_stamped=stamp is not None, has_disclosures=request.with_disclosures,
    )  # fmt: skip
    return Plan(
        profile=names.AUDIT_BUNDLE,
        revision=0,
        type=names.AUDIT_BUNDLE,
        format=kinds.formats(names.AUDIT_BUNDLE)[0],
        period_from=first,
        period_to=last,
        parameters={},
        include_attachments=False,
        selector=wanted.to_json(),
    )


async def _subject(tx: Transaction, request: BundleRequest) -> str | None:
    if request.export is not None and request.job is not None:
        raise InvalidInput.field("job", "can't be given together with export; ask for two bundles.")
    if request.export is not None:
        wanted, name, text = ids.EXPORT, "export", request.export
    elif request.job is not None:
        wanted, name, text = ids.JOB, "job", request.job
    else:
        return None
    try:
        identifier = ids.parse(wanted, text)
        await _known(tx, name, identifier)
    except NotFound as error:
        raise InvalidInput.field(name, error.message, code="unknown") from error
    return ids.show(wanted, identifier)


async def _known(tx: Transaction, name: str, identifier: UUID) -> None:
    """Raise NotFound unless the tenant has it, or its ledger tells of it."""
    shown = ids.show(ids.EXPORT if name == "export" else ids.JOB, identifier)
    if (await tx.one(_SQL["told_of"], tenant_id=tx.tenant, subject=shown))["found"]:
        return
    if name == "job":
        await jobs.find(tx, identifier)
        return
    raise NotFound(f"The ledger of this organisation has nothing about {shown} yet.")


async def _tree(tx: Transaction, end: int) -> Tree:
    """Return the tree that the span ends in: a restore may have begun another since."""
    found = await tiles.tree(tx)
    while end <= found.base and found.epoch > 1:
        found = await tiles.tree(tx, epoch=found.epoch - 1)
    return found


async def _start(tx: Transaction, text: str | None, end: int, tree: Tree) -> int:
    """Return the size of the last signed head before what is wanted, or where the tree begins."""
    oldest = tree.base
    if tree.min_index > oldest:
        kept = await ledger.head_from(tx, tree.min_index)
        oldest = end if kept is None else kept.size
    if text is None:
        return oldest
    if text == PREVIOUS:
        row = await tx.one(_SQL["last_bundle"], tenant_id=tx.tenant)
        wanted = max(int(row["end"]), tree.base)
    elif _INDEX.fullmatch(text):
        wanted = int(text)
    else:
        found = await ledger.first_since(tx, _instant(tx, "since", text))
        wanted = end if found is None else found
    head = await ledger.head_until(tx, wanted)
    start = tree.base if head is None else max(head.size, tree.base)
    if start < oldest:
        raise InvalidInput.field(
            "since", f"is before entry {oldest}, the first that a bundle can begin with: older ones are not kept.",
            code="gone",
        )  # fmt: skip
    return start


async def _end(tx: Transaction, text: str | None, newest: SignedHead) -> int:
    """Return the size of the first signed head that covers what is wanted."""
    if text is None:
        return newest.size
    if text == LOGGED:
        size = await instance.newest_size(tx)
        if size is None:
            raise Conflict("The log of the instance knows no head of this ledger yet; ask again in a minute.")
        return (await tiles.tree(tx)).base + size
    if _INDEX.fullmatch(text):
        wanted = int(text)
        if wanted > newest.size:
            raise InvalidInput.field("until", f"is behind the newest signed head, which covers {newest.size} entries.")
    else:
        instant = _instant(tx, "until", text)
        if instant > tx.now - _SETTLED:
            raise InvalidInput.field(
                "until",
                f"must be {_SETTLED.seconds} s ago at least, as later entries may be on their way; or leave it out.",
            )
        if (await tx.one(_SQL["unsettled"], tenant_id=tx.tenant, until=instant))["found"]:
            raise Conflict("Entries of that time are on their way into the ledger's tree; ask again in a few seconds.")
        last = await ledger.last_before(tx, instant)
        wanted = 0 if last is None else last + 1
    head = await ledger.head_from(tx, wanted)
    return 0 if head is None or wanted == 0 else head.size


def _instant(tx: Transaction, name: str, text: str) -> datetime.datetime:
    try:
        short = text[:40]
        instant = clock.parse(f"{short}T00:00:00Z" if _DAY.fullmatch(short) else short)
    except (ValueError, OverflowError):
        more = f", or {PREVIOUS if name == 'since' else LOGGED}"
        raise InvalidInput.field(
            name, f"is no index, day or instant{more}; write 36 or 2026-01-31T12:00:00Z."
        ) from None
    if instant > tx.now:
        raise InvalidInput.field(name, "lies in the future; leave it out for now.")
    if instant.year < _FIRST_YEAR:
        raise InvalidInput.field(name, f"is before {_FIRST_YEAR}, when nothing was recorded; choose later.")
    return instant
