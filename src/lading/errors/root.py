"""The root of the tree, and what every error of it tells about itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class LadingError(Exception):
    """
    Root of the tree.

    The attributes have their defaults by class; whoever raises an error may know more and set them on it.
    """

    code = "internal-error"
    export_code: str | None = None
    """EXPORT_001 creation, 002 timeout, 003 job failed, 004 download, 005 extraction, 006 validation, 007 network, 008
    authentication: how far a client came with an export; None where it is about none."""
    recoverable: bool = False
    """Whether what was wanted may still be had by other means than asking the same again: see `client.recovery`."""
    retryable: bool = False
    """Whether the same call, sent again as it is, may end well."""
    request_id: str | None = None
    """What the operator's log knows the call by."""
    problem: Mapping[str, Any] | None = None
    """The problem document (RFC 9457) that the server answered with."""
    causes: Sequence[BaseException] = ()
    """The errors that led here, the first one first, where there is more than one."""

    @property
    def message(self) -> str:
        """Return the sentence for the person."""
        return str(self)
