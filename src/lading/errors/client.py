"""What a client meets."""

from __future__ import annotations

from lading.errors.root import LadingError


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
