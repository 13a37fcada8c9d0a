"""What an error of MySQL or MariaDB means for the person who must mend it, by its number."""

from __future__ import annotations

from typing import Final

from lading.errors import SourceError, SourceRefused
from lading.sources import faults
from lading.sources.faults import Place

# max_execution_time, query interrupted, max_statement_time, lock wait.
_SLOW: Final = frozenset({1317, 1969, 3024, 1205})
_LOGIN: Final = frozenset({1044, 1045, 1049, 1130, 1251, 1698, 1820, 1862, 2059, 2061, 3118, 3159})
_FULL: Final = frozenset({1040, 1203, 1226})
_DENIED: Final = frozenset({1142, 1143, 1227, 1370})
# Can't connect, gone away, lost, shut down, killed.
_GONE: Final = frozenset({2002, 2003, 2005, 2006, 2013, 2014, 2055, 1053, 1152, 1158, 1159, 1160, 1161, 1927, 0})
# These speak of names and of grammar; others may quote the value of a row.
_QUOTABLE: Final = frozenset({1052, 1054, 1064, 1103, 1109, 1146, 1149, 1305, 1235, 1248, 1055, 1140, 1792, 1356})
_TLS: Final = (2026,)


def from_connect(error: Exception, place: Place) -> SourceError:
    """Return what a failed connection means."""
    number, words = _parts(error)
    if number in _FULL:
        return faults.throttled(place, "its connections are used up")
    if number in _LOGIN:
        return SourceRefused(
            f"The source at {place.where} refused the login {place.login!r}: {words}. "
            "Correct the credentials the source refers to, or grant this login access."
        )
    if number in _TLS or isinstance(error, RuntimeError):
        return SourceRefused(
            f"The source at {place.where} can't be reached over TLS: {words}. Correct tls and tls_ca in its URL."
        )
    return faults.unreachable(place, "no answer to the connection attempt" if "timed out" in words else words)


def from_query(error: Exception, place: Place) -> SourceError:
    """Return what a query that failed before or in the middle of its rows means."""
    number, words = _parts(error)
    if number in _SLOW or isinstance(error, TimeoutError) or "timed out" in words:
        return faults.slow(place)
    if number in _FULL:
        return faults.throttled(place, "a limit of its configuration is reached")
    if number in _GONE or isinstance(error, OSError):
        return faults.unreachable(place, "the connection was lost")
    if number in _LOGIN:
        return from_connect(error, place)
    if number in _DENIED:
        return SourceRefused(
            f"The source at {place.where} does not let {place.login!r} read this: {words}. Grant it SELECT there."
        )
    return faults.refused_query(place, words if number in _QUOTABLE else f"a value can't be computed (error {number})")


def _parts(error: Exception) -> tuple[int, str]:
    arguments = error.args
    number = arguments[0] if arguments and isinstance(arguments[0], int) else 0
    words = str(arguments[1] if len(arguments) > 1 else error)
    return number, " ".join("".join(each if each.isprintable() else " " for each in words[:300]).split())
