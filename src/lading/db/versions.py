"""
Which version of a thing a caller means to change, judged against the one that stands.

Every store that keeps versions asks here, under the lock of the row; surfaces say what a caller meant, code inside the
server says None: whichever stands there, or nothing yet.
"""

from __future__ import annotations

from enum import Enum

from lading.errors import PreconditionFailed, PreconditionRequired


class Wanted(Enum):
    """What a caller means who names no version."""

    EXISTING = "existing"  # whichever stands there
    NEW = "new"  # only if there is none yet
    UNSAID = "unsaid"  # did not say: may make what is not there, but change nothing


Version = int | Wanted | None


def require(what: str, stands: int, wanted: Version) -> None:
    """
    Return if who wants `wanted` may change `what`, which is at version `stands`.

    >>> require("Source x", 3, 3), require("Source x", 3, None), require("Source x", 3, Wanted.EXISTING)
    (None, None, None)
    """
    match wanted:
        case Wanted.UNSAID:
            raise PreconditionRequired(
                f"{what} is there already, at version {stands}; say which one you have read, in If-Match, "
                "or * for whichever it is.",
                stands,
            )
        case Wanted.NEW:
            raise PreconditionFailed(f"{what} is there already, at version {stands}; nothing was changed.", stands)
        case int() if wanted != stands:
            raise PreconditionFailed(f"{what} is at version {stands}, not {wanted}; read it again.", stands)
        case _:
            return


def require_made(what: str, stands: int, wanted: Version) -> None:
    """Return if `what`, just stored, is at its first version, if it was to be made: somebody may have been faster."""
    if stands > 1 and wanted in {Wanted.NEW, Wanted.UNSAID}:
        require(what, stands - 1, wanted)


def may_be_new(wanted: Version) -> bool:
    """
    Tell whether who wants `wanted` may make what is not there.

    >>> may_be_new(None), may_be_new(Wanted.NEW), may_be_new(Wanted.UNSAID), may_be_new(3), may_be_new(Wanted.EXISTING)
    (True, True, True, False, False)
    """
    return wanted is None or wanted in {Wanted.NEW, Wanted.UNSAID}
