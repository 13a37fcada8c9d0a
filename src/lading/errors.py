"""
Every error Lading raises on purpose, as one tree.

A message is a sentence for the person who must fix it: what happened, to which thing, what to do next.
`code` is the machine key that API, client and CLI share; a class exists only where a caller acts differently.
Never holds a secret or a row of tenant data.  Surfaces translate: `api/problems` to HTTP, `cli/exits` to exit codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


class LadingError(Exception):
    """Root of the tree."""

    code = "internal-error"

    @property
    def message(self) -> str:
        """Return the sentence for the person."""
        return str(self)


# --- what the caller asked for -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault in a request: `pointer` is a JSON pointer (RFC 6901) into it."""

    pointer: str
    detail: str
    code: str = "invalid"


class InvalidInput(LadingError):
    """The request itself is wrong; `errors` names each field."""

    code = "invalid-input"

    def __init__(self, message: str, errors: tuple[FieldError, ...] = (), *, code: str | None = None) -> None:
        super().__init__(message)
        self.errors = errors
        if code is not None:
            self.code = code

    @classmethod
    def field(cls, name: str, detail: str, *, code: str = "invalid") -> InvalidInput:
        """Return the error for one field; `name` is a dotted path into the request."""
        return cls(f"{name}: {detail}", (FieldError("/" + name.replace(".", "/"), detail, code),))


class ReasonRequired(InvalidInput):
    """An operator did not say why."""

    code = "reason-required"


class Unauthenticated(LadingError):
    """
    No credentials, or credentials that are not valid.

    `of` is whose ledger should tell of it and about what, where that is known; `why` a word for that.
    """

    code = "unauthenticated"

    def __init__(self, message: str, *, of: tuple[UUID, str] | None = None, why: str = "invalid") -> None:
        super().__init__(message)
        self.of = of
        self.why = why


class Forbidden(LadingError):
    """The principal may not do this."""

    code = "forbidden"


class TenantSuspended(Forbidden):
    """Nobody of the tenant is let in until an admin of the instance reactivates it."""

    code = "tenant-suspended"


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule of a policy that does not allow what was asked for; `code` says what it is about, `detail` why."""

    policy: str
    revision: int
    rule: str
    code: str
    detail: str


class PolicyDenied(Forbidden):
    """A policy does not allow the export; `violations` names every rule, the one that is told first."""

    code = "policy-denied"

    def __init__(self, message: str, violations: tuple[Violation, ...] = ()) -> None:
        super().__init__(message)
        self.violations = violations
        self.is_recorded = False
        """Whether the ledger knows of it."""


class NotFound(LadingError):
    """No such thing in this tenant."""

    code = "not-found"


class Conflict(LadingError):
    """The thing is in a state that does not allow this."""

    code = "conflict"


class InvalidTransition(Conflict):
    """The state machine has no such edge."""

    code = "invalid-transition"


class LastAdmin(Conflict):
    """Nobody could manage the tenant after this."""

    code = "last-admin"


class StaleLease(Conflict):
    """The writer no longer holds the lease it writes under; nothing was changed."""

    code = "stale-lease"


class PreconditionFailed(Conflict):
    """The thing has changed since the version that the caller names."""

    code = "precondition-failed"


class Held(Conflict):
    """A legal hold keeps the thing; `holds` are its ids."""

    code = "held"

    def __init__(self, message: str, holds: Sequence[str]) -> None:
        super().__init__(message)
        self.holds = holds


class InUse(Conflict):
    """Somebody is just reading the thing; the same request is taken when that is over."""

    code = "in-use"


class Gone(LadingError):
    """The thing was there until a time that is over."""

    code = "gone"


class QueueFull(LadingError):
    """Too many jobs of the tenant have not ended; the same request may be taken later."""

    code = "queue-full"

    def __init__(self, message: str, *, retry_after_seconds: float = 30.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Overloaded(QueueFull):
    """Too many jobs of all tenants have not ended."""

    code = "overloaded"


class TooManyStreams(QueueFull):
    """Too many clients of a tenant follow its events."""

    code = "too-many-streams"


class QuotaExceeded(QueueFull):
    """A tenant has asked for more than its call quota allows; `violated` names what of it."""

    code = "quota-exceeded"

    def __init__(self, message: str, *, retry_after_seconds: float = 30.0, violated: tuple[str, ...] = ()) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.violated = violated


class PackageInvalid(LadingError):
    """A package or its statement failed verification; says which file and what."""

    code = "package-invalid"


class TooLarge(LadingError):
    """The input is over a limit."""

    code = "too-large"


# --- what an export met on its way ---------------------------------------------------------------


class ExportError(LadingError):
    """An export can't go on; `retryable` tells whether trying again may help."""

    code = "export-failed"
    retryable = False


class ProfileInvalid(ExportError):
    """A profile document is wrong; `errors` names line or path."""

    code = "profile-invalid"

    def __init__(self, message: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(message)
        self.errors = errors


class PolicyInvalid(ProfileInvalid):
    """A policy document is wrong; `errors` names line or path."""

    code = "policy-invalid"


class NoData(ExportError):
    """The query returned no row and the profile says that this fails the export."""

    code = "no-data"


class TooManyBadRows(ExportError):
    """More rows than the profile's threshold were quarantined."""

    code = "too-many-bad-rows"


class SourceError(ExportError):
    """The source of the rows could not be read."""

    code = "source-failed"


class SourceUnreachable(SourceError):
    """The source does not answer; it may be back later."""

    code = "source-unreachable"
    retryable = True


class SourceTimeout(SourceError):
    """The source answered too slowly."""

    code = "source-timeout"
    retryable = True


class SourceThrottled(SourceError):
    """The source asks to be called less (HTTP 429, no connection left); `retry_after_seconds` is when it said to."""

    code = "source-throttled"
    retryable = True

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class SourceRefused(SourceError):
    """The source refused the login or the query; a person has to act."""

    code = "source-refused"


class DestinationError(ExportError):
    """A package could not be brought to a destination."""

    code = "destination-failed"


class DestinationUnreachable(DestinationError):
    """The destination does not answer, or answers with a fault of its own; it may be back later."""

    code = "destination-unreachable"
    retryable = True


class DestinationTimeout(DestinationError):
    """The destination answered too slowly."""

    code = "destination-timeout"
    retryable = True


class DestinationFull(DestinationError):
    """No space is left at the destination."""

    code = "destination-full"
    retryable = True


class DestinationRefused(DestinationError):
    """The destination, or the operator, does not allow it; a person has to act."""

    code = "destination-refused"


class DestinationTaken(DestinationError):
    """Other content lies at the destination under the same name, and may not be overwritten."""

    code = "destination-taken"


class DestinationThrottled(SourceThrottled):
    """The destination asks to be called less."""

    code = "destination-throttled"


class StorageFailed(ExportError):
    """A file could not be written or read back whole."""

    code = "storage-failed"
    retryable = True


class StorageFull(StorageFailed):
    """No space is left where artifacts are kept."""

    code = "storage-full"


# --- where Lading itself runs --------------------------------------------------------------------


class EnvironmentUnfit(LadingError):
    """Lading can't run here as it stands; the message says the mend."""

    code = "environment-unfit"


class PortInUse(EnvironmentUnfit):
    """Another program listens on the port."""

    code = "port-in-use"


class DataDirectoryUnusable(EnvironmentUnfit):
    """The data directory is owned by another process, read-only or full."""

    code = "data-directory-unusable"


class ProviderUnavailable(EnvironmentUnfit):
    """The keys of an identity provider can't be had, so its tokens can't be checked; it may be back later."""

    code = "identity-provider-unavailable"


class DatabaseUnavailable(EnvironmentUnfit):
    """PostgreSQL does not answer, or refuses the login."""

    code = "database-unavailable"


class DatabaseBusy(DatabaseUnavailable):
    """Somebody held a lock for too long; trying again helps."""


class DatabaseTooNew(EnvironmentUnfit):
    """The database was migrated by a newer Lading."""

    code = "database-too-new"


# --- what a client meets -------------------------------------------------------------------------


class ServerUnreachable(LadingError):
    """The Lading server does not answer."""

    code = "server-unreachable"


class WaitTimeout(LadingError):
    """The export did not end within the deadline; it goes on at the server."""

    code = "wait-timeout"


class ExportEndedBadly(LadingError):
    """The export that was waited for failed or was cancelled."""

    code = "export-ended-badly"


class DownloadFailed(LadingError):
    """The bytes that arrived are not the bytes the server has."""

    code = "download-failed"
