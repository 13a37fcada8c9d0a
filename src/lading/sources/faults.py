"""
What a driver's error means for the person who must mend it.

Four answers: the source can't be reached (may be back), it is too slow (may be faster), it is full (call it less), it
refuses (somebody has to act).  Decided by SQLSTATE where the server gave one.  The sentence holds host and database,
never the password, and the server's own words only where they can't quote a row: cut, and without what would write on
a terminal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import psycopg

from lading.errors import SourceError, SourceRefused, SourceThrottled, SourceTimeout, SourceUnreachable

_TIMEOUTS: Final = frozenset({"57014", "55P03", "25P03", "25P04", "57P05"})
# Connection, resources, operator intervention, conflict with recovery: the same question may be answered later.
_PASSING: Final = ("08", "53", "57", "58", "40", "XX")
_LOGIN: Final = ("28", "3D")
# These classes speak about names in the query; others (22, 23) may quote the value of a row.  So does any of them once
# the query runs (a value cast to regclass, a function that raises): then only words of a known form are quoted.
_QUOTABLE: Final = ("42", "25", "0A", "26", "34", "3F")
# Too many connections, or another limit of its configuration: it is there, and asks to be called less.
_FULL: Final = frozenset({"53300", "53400"})
_FULL_WORDS: Final = re.compile(
    r"too many clients already|too many connections for (role|database)|remaining connection slots are reserved"
    r"|no more connections allowed|max_client_conn|SQLSTATE 53[34]00",
    re.IGNORECASE,
)
# A refused connection carries no SQLSTATE in libpq's text; these are the server's words when the login is wrong.
_LOGIN_WORDS: Final = re.compile(
    r"authentication failed|no password supplied|pg_hba\.conf|role \".*\" (does not exist|is not permitted)"
    r"|database \".*\" does not exist|permission denied for database"
    r"|password.*expired|certificate|SSL.*(required|not supported)",
    re.IGNORECASE,
)
_KNOWN_WORDS: Final = re.compile(
    r"permission denied for [a-z ]{1,40} \w{1,63}|cannot execute [A-Z ]{1,40} in a read-only transaction"
)
_MOST_WORDS: Final = 300


@dataclass(frozen=True, slots=True)
class Place:
    """Where the source is, for sentences: `host:port/database`, the login, and its time limit in seconds."""

    where: str
    login: str
    seconds: float


def slow(place: Place) -> SourceTimeout:
    """Return the sentence for a source that did not answer in time."""
    return SourceTimeout(
        f"The source at {place.where} did not answer within {place.seconds:g} s. "
        "Narrow the period, make its query faster, or raise the source's timeout_seconds."
    )


def unreachable(place: Place, reason: str) -> SourceUnreachable:
    """Return the sentence for a source that is not there, or went away."""
    return SourceUnreachable(
        f"The source at {place.where} can't be reached: {reason}. "
        "Check that it runs and that this machine may connect to it, then retry."
    )


def silent(place: Place, seconds: float) -> SourceUnreachable:
    """Return the sentence for a source that says nothing while connecting."""
    return unreachable(place, f"no answer to the connection attempt within {seconds:g} s")


def throttled(place: Place, reason: str) -> SourceThrottled:
    """Return the sentence for a source that has no connection to spare."""
    return SourceThrottled(
        f"The source at {place.where} is there and takes no more connections now: {reason}. "
        "It is called less often by itself; raise its limit, or lower the rate limit of this source."
    )


def refused_query(place: Place, reason: str) -> SourceRefused:
    """Return the sentence for a query that the source or we do not accept."""
    return SourceRefused(f"The source at {place.where} refused the query: {reason}. Correct the query in the profile.")


def from_connect(error: Exception, place: Place) -> SourceError:
    """Return what a failed connection means."""
    text = _first_line(error)
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return unreachable(place, "no answer to the connection attempt")
    if _sqlstate(error) in _FULL or _FULL_WORDS.search(str(error)):
        return throttled(place, "its connections are used up")
    if _LOGIN_WORDS.search(text):
        reason = _shown(text.rpartition("FATAL:")[2]) or _shown(text)
        return SourceRefused(
            f"The source at {place.where} refused the login {place.login!r}: {reason}. "
            "Correct the credentials the source refers to, or grant this login access."
        )
    reason = text.rpartition("failed:")[2].strip().removeprefix("FATAL:")
    return unreachable(place, _shown(reason) or "no reason given")


def from_query(error: Exception, place: Place) -> SourceError:
    """Return what a query that failed before or in the middle of its rows means."""
    state = _sqlstate(error)
    if state in _TIMEOUTS:
        return slow(place)
    if state in _FULL:
        return throttled(place, f"a limit of its configuration is reached (SQLSTATE {state})")
    if not state or state.startswith(_PASSING):
        return unreachable(place, "the connection was lost" if not state else f"it ended the query (SQLSTATE {state})")
    if state.startswith(_LOGIN):
        return SourceRefused(
            f"The source at {place.where} refused the login {place.login!r} (SQLSTATE {state}). "
            "Correct the credentials the source refers to."
        )
    words = _words(error) if state.startswith(_QUOTABLE) else ""
    if state == "42501":
        return SourceRefused(
            f"The source at {place.where} does not let {place.login!r} read this: {words or f'SQLSTATE {state}'}. "
            "Grant it SELECT there."
        )
    return refused_query(place, words or f"a value can't be computed (SQLSTATE {state})")


def _sqlstate(error: Exception) -> str:
    state = getattr(error, "sqlstate", None)
    # The Arrow driver pads an absent state with NUL bytes.
    return state.strip("\0") if isinstance(state, str) else ""


def _words(error: Exception) -> str:
    """Return the server's words as far as they can't quote a row: all of them before the query runs, then few."""
    if isinstance(error, psycopg.Error):  # it describes queries; the Arrow driver runs them
        return _shown(error.diag.message_primary or "")
    found = _KNOWN_WORDS.search(str(error))
    return found[0] if found else ""


def _shown(text: str) -> str:
    r"""
    Return one short line of what a source said, which may be anything.

    >>> _shown(" no such\trole \x1b[31m")
    'no such role [31m'
    """
    kept = "".join(letter if letter.isprintable() else " " for letter in text[:_MOST_WORDS])
    return " ".join(kept.split())


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else ""
