"""
The only place that turns errors into HTTP: every answer that is not a success is an `application/problem+json`.

A problem has a stable `code`, one sentence with the mend, and the id of the request; it never has a stack trace, a
secret or a row of a source; of what was sent only the short word that was not understood.  What Lading did not foresee
is logged with its trace and answered with the id alone.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from lading.errors import (
    FieldError,
    InvalidInput,
    LadingError,
    PolicyDenied,
    PreconditionFailed,
    ProfileInvalid,
    QueueFull,
    QuotaExceeded,
)
from lading.exports import policies
from lading.exports.policies import Refused
from lading.wire.problem_pages import url_of
from lading.wire.problems import MEDIA_TYPE, STATUS, PolicyViolation, Problem, ProblemField

_LOG: Final = logging.getLogger("lading.api")
_SHAPE: Final = TypeAdapter(Problem)
_RETRY_SECONDS: Final = 5
_SHOWN: Final = 100
_QUOTA_TYPE: Final = "https://iana.org/assignments/http-problem-types#quota-exceeded"

_BY_STATUS: Final = {
    400: ("bad-request", "The request can't be read; correct it and send it again."),
    404: ("not-found", "No such path; /api/v1/openapi.json lists them all."),
    405: ("method-not-allowed", "This path does not know that method; the Allow header lists those it knows."),
    413: ("too-large", "The request body is over the limit; send less."),
    415: ("unsupported-media-type", "Send JSON, with Content-Type: application/json."),
}
_PROSE: Final = {
    "unexpected_keyword_argument": "is not a known field; remove it.",
    "extra_forbidden": "is not a known field; remove it.",
    "missing": "is required; add it.",
    "missing_argument": "is required; add it.",
    "dict_type": "must be a JSON object; correct it.",
    "dataclass_type": "must be a JSON object; correct it.",
}


def install(app: FastAPI) -> None:
    """Make `app` answer every error with a problem."""
    app.add_exception_handler(LadingError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(psycopg.DataError, _unstorable)


def answer(error: LadingError, request_id: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return the HTTP answer for `error`."""
    fields: Sequence[FieldError] = error.errors if isinstance(error, InvalidInput | ProfileInvalid) else ()
    told = dict(headers or {})
    if isinstance(error, QueueFull):
        told["Retry-After"] = str(math.ceil(error.retry_after_seconds))
    if isinstance(error, PreconditionFailed) and error.stands:
        told["ETag"] = f'"v{error.stands}"'
    more = _policy(error) if isinstance(error, PolicyDenied) else {}
    if isinstance(error, QuotaExceeded):
        more = {"type": _QUOTA_TYPE, "violated_policies": list(error.violated)}
    return problem(error.code, error.message, request_id, fields=fields, headers=told, more=more)


def problem(
    code: str,
    detail: str,
    request_id: str,
    *,
    fields: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """Return a problem document; its status is the one of `code`, and `more` is what only some problems tell."""
    status = STATUS.get(code, 500)
    body = Problem(
        type=url_of(code),
        title=code.replace("-", " ").capitalize(),
        status=status,
        code=code,
        detail=detail if detail.endswith((".", "…", "?")) else f"{detail}.",
        request_id=request_id,
        errors=[ProblemField(each.pointer, each.detail, each.code) for each in fields[:_SHOWN]],
    )
    if more:
        body = replace(body, **more)
    extra = dict(headers or {})
    if status == 401:
        extra["WWW-Authenticate"] = 'Bearer realm="lading"'
    if status == 503:
        extra.setdefault("Retry-After", str(_RETRY_SECONDS))
    shown: dict[str, Any] = _SHAPE.dump_python(body, exclude_none=True)
    if body.violated_policies is not None:
        shown["violated-policies"] = body.violated_policies  # the word of the draft, which is no name here
    return Response(json.dumps(shown, ensure_ascii=False).encode(), status, extra, MEDIA_TYPE)


def _policy(error: PolicyDenied) -> dict[str, Any]:
    if not error.violations:
        return {}
    first = error.violations[0]
    told = [PolicyViolation(**asdict(each)) for each in error.violations[:_SHOWN]]
    return {"policy": first.policy, "revision": first.revision, "rule": first.rule, "violations": told}


def unforeseen(error: Exception, request_id: str) -> Response:
    """Log what nobody foresaw, with its trace, and return an answer that shows none of it."""
    _LOG.error("request.failed", exc_info=error, extra={"request_id": request_id})
    return problem(
        "internal-error", "Lading failed in a way nobody foresaw; give the request id to its operator.", request_id
    )


def request_id_of(request: Request) -> str:
    """Return the id that `middleware` gave the request."""
    return str(request.state.request_id)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, LadingError)
    if isinstance(error, Refused):
        await policies.note_refused(request.app.state.services.database, error)
    answered = answer(error, request_id_of(request))
    # Who comes while we stop is told so; that is no failure to wake anybody for.
    if answered.status_code >= 500 and not request.app.state.services.stopping.is_set():
        _LOG.error("request.failed", exc_info=error, extra={"request_id": request_id_of(request), "code": error.code})
    return answered


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = tuple(_field(each) for each in error.errors())
    first = (
        f"{_dotted(fields[0].pointer) or 'body'}: {fields[0].detail}"
        if fields
        else "The request is not valid; correct it."
    )
    return answer(InvalidInput(first, fields), request_id_of(request))


def _dotted(pointer: str) -> str:
    return pointer[1:].replace("/", ".").replace("~1", "/").replace("~0", "~")


def _field(error: Mapping[str, Any]) -> FieldError:
    where = [str(part).replace("~", "~0").replace("/", "~1") for part in error["loc"][1:]]
    kind = str(error["type"])
    sentence = _PROSE.get(kind) or f"{str(error['msg']).rstrip('.')}; correct it."
    code = "unknown" if _PROSE.get(kind) == _PROSE["extra_forbidden"] else kind.replace("_", "-")
    return FieldError("".join(f"/{part[:100]}" for part in where), sentence, code)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, sentence = _BY_STATUS.get(error.status_code, _BY_STATUS[400])
    headers = {"Allow": ", ".join(_methods(request))} if error.status_code == 405 else error.headers
    return problem(code, sentence, request_id_of(request), headers=headers)


def _methods(request: Request) -> list[str]:
    # The router knows the methods of the first route that matches; RFC 9110 asks for those of the resource.
    path = request.scope["path"]
    found = [route.methods for route in request.app.state.routes if route.path_regex.match(path)]
    return sorted({method for methods in found for method in methods})


async def _unstorable(request: Request, error: Exception) -> Response:
    # Bounds are checked where a value enters; this is the net below, and what it catches is worth a look.
    _LOG.warning("request.unstorable", exc_info=error, extra={"request_id": request_id_of(request)})
    return answer(InvalidInput("A value is outside of what can be stored; make it smaller."), request_id_of(request))
