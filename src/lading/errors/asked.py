"""What the caller asked for is wrong, refused, or not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from lading.errors.root import LadingError


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
    export_code = "EXPORT_008"
    recoverable = True

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
    """The thing has changed since the version that the caller names; `stands` is the one it is at."""

    code = "precondition-failed"

    def __init__(self, message: str, stands: int | None = None) -> None:
        super().__init__(message)
        self.stands: Final = stands


class PreconditionRequired(PreconditionFailed):
    """The thing is there, and the caller did not say which version of it is to be changed."""

    code = "precondition-required"


class Held(Conflict):
    """A legal hold keeps the thing; `holds` are its ids."""

    code = "held"

    def __init__(self, message: str, holds: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.holds = holds


class InUse(Conflict):
    """Somebody is just reading the thing; the same request is taken when that is over."""

    code = "in-use"
    retryable = True


class Gone(LadingError):
    """The thing was there until a time that is over."""

    code = "gone"


class QueueFull(LadingError):
    """Too many jobs of the tenant have not ended; the same request may be taken later."""

    code = "queue-full"
    recoverable = True
    retryable = True

    def __init__(self, message: str, *, retry_after_seconds: float = 30.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Overloaded(QueueFull):
    """Too many jobs of all tenants have not ended."""

    code = "overloaded"


class TooManyStreams(QueueFull):
    """Too many clients of a tenant follow its events."""

    code = "too-many-streams"


class TooManyDownloads(QueueFull):
    """Too many files are on their way to a tenant."""

    code = "too-many-downloads"


class QuotaExceeded(QueueFull):
    """A tenant has asked for more than its call quota allows; `violated` names what of it."""

    code = "quota-exceeded"

    def __init__(self, message: str, *, retry_after_seconds: float = 30.0, violated: tuple[str, ...] = ()) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.violated = violated


class TooLarge(LadingError):
    """The input is over a limit."""

    code = "too-large"


class TooSlow(LadingError):
    """The body did not come in time."""

    code = "request-timeout"
    recoverable = True
    retryable = True
