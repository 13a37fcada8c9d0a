"""What a client meets."""

from __future__ import annotations

from collections.abc import Sequence

from lading.errors.root import LadingError


class ServerUnreachable(LadingError):
    """The Lading server does not answer."""

    code = "server-unreachable"
    export_code = "EXPORT_007"
    recoverable = True
    retryable = True


class WaitTimeout(LadingError):
    """The export did not end within the deadline; it goes on at the server."""

    code = "wait-timeout"
    export_code = "EXPORT_002"
    recoverable = True
    retryable = True


class ExportEndedBadly(LadingError):
    """The export that was waited for failed or was cancelled; `retryable` is what the server says of its fault."""

    code = "export-ended-badly"
    export_code = "EXPORT_003"
    recoverable = True

    def __init__(self, message: str, *, fault: str | None = None, retryable: bool = False) -> None:
        super().__init__(message)
        self.fault = fault
        """The code of the fault that ended it, if it failed."""
        self.retryable = retryable


class DownloadFailed(LadingError):
    """The bytes that arrived are not the bytes the server has."""

    code = "download-failed"
    export_code = "EXPORT_004"
    recoverable = True
    retryable = True


class ExtractionFailed(LadingError):
    """The files of a package could not be laid out on this disk; nothing of it was left there."""

    code = "extraction-failed"
    export_code = "EXPORT_005"


class RecoveryFailed(LadingError):
    """An export failed, and so did every way to have it after all; `causes` are all of them, the first one first."""

    code = "recovery-failed"

    def __init__(self, message: str, causes: Sequence[BaseException] = ()) -> None:
        super().__init__(message)
        self.causes = tuple(causes)
        first = next((each for each in causes if isinstance(each, LadingError)), None)
        if first is not None:
            self.export_code, self.request_id, self.problem = first.export_code, first.request_id, first.problem
