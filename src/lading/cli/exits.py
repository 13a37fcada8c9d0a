"""Exit codes: the only place that turns errors into them, and the sentence that is said on the way out."""

from __future__ import annotations

import os
import traceback
from typing import Final

import click

from lading import errors
from lading.cli import manner
from lading.errors import InvalidInput, LadingError, ProfileInvalid

OK: Final = 0
UNEXPECTED: Final = 1
USAGE: Final = 2
DENIED: Final = 4
NOT_FOUND: Final = 5
CONFLICT: Final = 6
UNREACHABLE: Final = 8
DAMAGED: Final = 9
NOT_PINNED: Final = 10
UNFIT: Final = 11
GAP: Final = 12
POLICY_UNMET: Final = 13
DIFFERENT: Final = 14
EXPORT_FAILED: Final = 20
TIMEOUT: Final = 21
INTERRUPTED: Final = 130

MEANINGS: Final = {
    OK: "ok",
    UNEXPECTED: "unexpected error",
    USAGE: "usage, or input the server refused",
    DENIED: "not authenticated, or not allowed",
    NOT_FOUND: "not found",
    CONFLICT: "conflict with the present state",
    UNREACHABLE: "server unreachable",
    DAMAGED: "verification failed: damaged or tampered with",
    NOT_PINNED: "verified, but the signer is not pinned",
    UNFIT: "environment unfit: port, data directory, database, storage",
    GAP: "verified, but a gap: in the history, or after the previous bundle",
    POLICY_UNMET: "verified, but what was asked for besides is missing: witnesses, a time stamp",
    DIFFERENT: "compared, and they differ",
    EXPORT_FAILED: "the export or run failed or was cancelled",
    TIMEOUT: "timed out; the export or run goes on",
    INTERRUPTED: "interrupted",
}

EPILOG: Final = "\b\nExit codes:\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())

# The first line that fits decides.
_CODES: Final[tuple[tuple[type[LadingError], int], ...]] = (
    (errors.InvalidInput, USAGE),
    (errors.ProfileInvalid, USAGE),
    (errors.TooLarge, USAGE),
    (errors.Unauthenticated, DENIED),
    (errors.Forbidden, DENIED),
    (errors.NotFound, NOT_FOUND),
    (errors.Gone, NOT_FOUND),
    (errors.Conflict, CONFLICT),
    (errors.QueueFull, CONFLICT),
    (errors.ServerUnreachable, UNREACHABLE),
    (errors.TooSlow, UNREACHABLE),
    (errors.PackageInvalid, DAMAGED),
    (errors.DownloadFailed, DAMAGED),
    (errors.EnvironmentUnfit, UNFIT),
    (errors.StorageFailed, UNFIT),
    (errors.ExtractionFailed, UNFIT),
    (errors.SignerUnavailable, UNFIT),
    (errors.SourceError, UNFIT),
    (errors.ExportEndedBadly, EXPORT_FAILED),
    (errors.RecoveryFailed, EXPORT_FAILED),
    (errors.ExportError, EXPORT_FAILED),
    (errors.WaitTimeout, TIMEOUT),
)


def of(error: LadingError) -> int:
    """
    Return the exit code of `error`.

    >>> of(errors.PortInUse("taken")), of(errors.InvalidTransition("over")), of(LadingError("?"))
    (11, 6, 1)
    """
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return UNEXPECTED


def say(error: LadingError) -> None:
    """Write the sentence of `error` to standard error, and each faulty field when there are several."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {error.message}", err=True, color=colour())
    fields = error.errors if isinstance(error, InvalidInput | ProfileInvalid) else ()
    for each in fields if len(fields) > 1 else ():
        click.echo(f"  {each.pointer.lstrip('/') or 'body'}: {each.detail}", err=True)


def say_unexpected(error: Exception) -> None:
    """Write one sentence for what nobody foresaw; the trace only for whoever set LADING_DEBUG."""
    if os.environ.get("LADING_DEBUG"):
        traceback.print_exception(error)
    line = (str(error).splitlines() or [""])[0][:300]
    click.echo(
        f"error: Unexpected {type(error).__name__}: {line}. Run it again with LADING_DEBUG=1 and report the trace.",
        err=True,
    )


def colour() -> bool | None:
    """Return False when none are wanted, else leave it to the terminal."""
    return False if manner.is_colourless() else None
