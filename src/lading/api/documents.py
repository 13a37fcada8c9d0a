"""
The OpenAPI document: what the framework derives from the routes, plus every problem each of them may answer.

Problems that any route may answer are added here; a route declares only those of its own (`problems(404, 409)`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Header
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from lading.api import answers
from lading.api.auth import ANYBODY, Open, is_counted
from lading.api.routing import Route
from lading.db.versions import Version
from lading.wire.problems import MEDIA_TYPE, Problem

PATH: Final = "/api/v1/openapi.json"
_VERSION: Final = "1"
_ABOUT: Final = (
    "Ask for an export, follow it, download one package that anybody can verify offline. "
    "Every error is an application/problem+json with a stable code and a sentence that says the mend; "
    "every answer has an X-Request-Id. A field or parameter that is not known is refused with 422."
)
_MEANING: Final = {
    "400": "The request can't be read, or an operator did not say why (`reason-required`).",
    "401": "No token, or one that is not valid any more.",
    "403": "The role of the key may not do this.",
    "404": "There is no such thing in this tenant.",
    "408": "The body did not come in time.",
    "409": "The thing is in a state that does not allow this.",
    "410": "It was there until a time that is over.",
    "412": "It has changed since the version that If-Match names; read it again.",
    "413": "The body is over the limit.",
    "415": "The body is not JSON.",
    "416": "The range lies outside of the file.",
    "422": "A field, parameter or header is wrong; `errors` names each.",
    "428": "It is there already; say in If-Match which version is to be changed, or * for whichever it is.",
    "429": "Too many jobs wait or files are on their way, or a quota is used up; come back after Retry-After seconds.",
    "500": "Lading failed in a way nobody foresaw.",
    "503": "The database or storage is away, or too many jobs wait; try again after Retry-After seconds.",
}
_IF_MATCH: Final = "The ETag that was read: only if nobody has changed it since. `*`: whichever version it is at."
IfMatch = Annotated[str | None, Header(alias="If-Match", description=_IF_MATCH)]
_IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", description="`*`: only if there is none yet.")]


def _change(if_match: IfMatch = None) -> Version:
    return answers.precondition(if_match)


def _put(if_match: IfMatch = None, if_none_match: _IfNoneMatch = None) -> Version:
    return answers.precondition(if_match, if_none_match)


# Which version a caller means: to change or remove what is there, and to put what may not be there yet.
Change = Annotated[Version, Depends(_change)]
Put = Annotated[Version, Depends(_put)]
_DEPRECATED: Final = {
    "Deprecation": "Since when it is deprecated (RFC 9745).",
    "Sunset": "From when on it is gone (RFC 8594).",
    "Link": "What to use instead, and what explains it.",
}
_METHODS: Final = frozenset({"get", "head", "post", "put", "patch", "delete"})


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may answer these problems."""
    return {status: _problem(str(status)) for status in statuses}


def header(description: str, example: str) -> dict[str, Any]:
    """Return the description of a response header."""
    return {"description": description, "schema": {"type": "string", "examples": [example]}}


_RATE_LIMITS: Final = {
    "RateLimit-Policy": header("The limits, by name: `q` of them, in `w` seconds.", '"exports-per-hour";q=100;w=3600'),
    "RateLimit": header("What is left: `r` of each, anew in `t` seconds.", '"exports-per-hour";r=57;t=1200'),
}


def build(app: FastAPI, routes: list[Route]) -> dict[str, Any]:
    """Return the document of `app`."""
    document = get_openapi(
        title="Lading", version=_VERSION, openapi_version="3.1.0", description=_ABOUT, routes=app.routes
    )
    components = document["components"]["schemas"]
    components.pop("HTTPValidationError", None)
    components.pop("ValidationError", None)
    schema = TypeAdapter(Problem).json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    components.update(schema.pop("$defs", {}))
    components["Problem"] = schema
    by_name = {route.name: route for route in routes}
    for operation in _operations(document):
        _complete(operation, by_name[operation["operationId"]])
    document["components"]["schemas"] = dict(sorted(components.items()))
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from (operation for method, operation in path.items() if method in _METHODS)


def _complete(operation: dict[str, Any], route: Route) -> None:
    gate = route.gate
    statuses = ["422", "500", "503"]
    if not isinstance(gate, Open):
        statuses += ["401"] if gate.roles == ANYBODY and not gate.only_instance else ["401", "403"]
        operation["x-lading-roles"] = sorted(gate.roles)
    responses = operation["responses"]
    if is_counted(route.path):
        statuses += ["429"]
        for status, response in responses.items():
            if status.startswith(("2", "3")):
                response.setdefault("headers", {}).update(_RATE_LIMITS)
    if route.deprecation is not None:
        shown = {name: header(_DEPRECATED[name], value) for name, value in route.deprecation.headers()}
        for response in responses.values():
            response.setdefault("headers", {}).update(shown)
        operation["description"] = f"{route.description}\n\n{route.deprecation.sentence()}"
    if "requestBody" in operation:
        statuses += ["408", "413", "415"]
    responses.update({status: _problem(status) for status in statuses})
    operation["responses"] = dict(sorted(responses.items()))
    operation["summary"] = route.description.split("\n\n", 1)[0].rstrip(".")
    if "\n\n" not in operation.get("description", ""):
        operation.pop("description", None)


def _problem(status: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": _MEANING[status], "content": {MEDIA_TYPE: {"schema": schema}}}
