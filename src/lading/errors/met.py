"""What an export met on its way."""

from __future__ import annotations

from lading.errors.asked import FieldError
from lading.errors.root import LadingError


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


class SignerUnavailable(ExportError):
    """A signer outside Lading gave no good signature; it may be back later."""

    code = "signer-unavailable"
    retryable = True


class StorageFull(StorageFailed):
    """No space is left where artifacts are kept."""

    code = "storage-full"
