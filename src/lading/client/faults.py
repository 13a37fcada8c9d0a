"""
What went wrong at the server, as the errors the server meant.

A problem document (RFC 9457) names its error by `code`; an answer without one (a proxy in between) is told by its
status.  What is shown from outside is cut and stripped of control characters: it may end up on a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from lading import errors
from lading.client.retries import may_repeat, retry_after
from lading.errors import FieldError, InvalidInput, LadingError, ProfileInvalid, QueueFull, ServerUnreachable

_SHOWN: Final = 1000
_REQUEST_ID: Final = "X-Request-Id"
_MOST_FIELDS: Final = 100
BY_STATUS: Final[dict[int, type[LadingError]]] = {
    400: errors.InvalidInput,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    408: errors.TooSlow,
    409: errors.Conflict,
    410: errors.NotFound,
    412: errors.Conflict,
    413: errors.TooLarge,
    422: errors.InvalidInput,
    502: errors.ServerUnreachable,
    503: errors.ServerUnreachable,
    504: errors.ServerUnreachable,
}


def of_answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> LadingError:
    """Return the error that an answer with `status`, `body` and `headers` reports."""
    problem, sent = _problem(body), headers or {}
    code = _text(problem.get("code"))
    request_id = _text(problem.get("request_id")) or plain(sent.get(_REQUEST_ID, ""))
    kind = _BY_CODE.get(code) or BY_STATUS.get(status, LadingError)
    detail = _text(problem.get("detail")) or f"The server answered {status} without saying why; ask its operator."
    if status >= 500 and request_id:
        detail = f"{detail} Request id: {request_id}."
    made = kind(detail, _fields(problem)) if issubclass(kind, InvalidInput | ProfileInvalid) else kind(detail)
    if code:
        made.code = code
    if isinstance(made, QueueFull) and (asked := retry_after(sent.get("Retry-After"), datetime.now(UTC))) is not None:
        made.retry_after_seconds = asked
    made.problem, made.request_id = problem or None, request_id or None
    made.retryable = made.retryable or may_repeat(status, is_idempotent=True)
    return made


def in_creation(error: LadingError) -> LadingError:
    """Return `error` as one that kept an export from being asked for, unless it says better itself what it was."""
    error.export_code = error.export_code or "EXPORT_001"
    return error


def in_download(error: LadingError) -> LadingError:
    """Return `error` as one that kept a file from arriving, unless it says better itself what it was."""
    error.export_code = error.export_code or "EXPORT_004"
    return error


def unreachable(url: str, reason: Exception) -> ServerUnreachable:
    """Return the error of a server that gave no answer."""
    why = plain(str(reason)) or type(reason).__name__
    return ServerUnreachable(f"No answer from {url} ({why}). Start it with `lading up`, or set LADING_URL.")


def unreadable(url: str, reason: Exception) -> LadingError:
    """Return the error of an answer that is not what API v1 answers."""
    return ServerUnreachable(
        f"What answers at {url} is not a Lading server this client understands ({reason}). Check LADING_URL."
    )


def plain(text: str) -> str:
    r"""
    Return `text` as one line that is safe on a terminal.

    >>> plain("two\nlines and \x1b[31mred")
    'two lines and [31mred'
    """
    kept = "".join(letter if letter.isprintable() else " " * letter.isspace() for letter in text[:_SHOWN])
    return " ".join(kept.split())


def _problem(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _fields(problem: dict[str, Any]) -> tuple[FieldError, ...]:
    found = problem.get("errors")
    listed = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return tuple(
        FieldError(_text(each.get("pointer")), _text(each.get("detail")), _text(each.get("code")) or "invalid")
        for each in listed[:_MOST_FIELDS]
    )


def _text(value: Any) -> str:
    return plain(value) if isinstance(value, str) else ""


def _tree(root: type[LadingError]) -> dict[str, type[LadingError]]:
    found = {root.code: root}
    for each in root.__subclasses__():
        for code, kind in _tree(each).items():
            found.setdefault(code, kind)
    return found


_BY_CODE: Final = _tree(LadingError)
