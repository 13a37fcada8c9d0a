"""
What a profile's `source.request` says: which path of an API, which parameters, which columns and rows of the answer.

The document was checked against the profile's schema before; here it becomes a value.  A value of a parameter is only
ever a value: it is encoded, and can't become another path or another parameter.  Pure and light: the API loads this to
check profiles.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from lading.errors import SourceRefused
from lading.sources import read as reads
from lading.sources.read import Read

_NAMED: Final = re.compile(r"\{([^{}]*)\}")
_PLAIN: Final = "/:@!$&'()*+,;=-._~%"


@dataclass(frozen=True, slots=True)
class Asked:
    """One query parameter: a value of the profile, or of the parameter `parameter`; a list is joined or repeated."""

    name: str
    value: Any
    parameter: str | None
    join: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of an API; `rows` is where they lie in the answer, None where the source says so."""

    path: str
    query: tuple[Asked, ...]
    rows: str | None
    read: Read


def parse(given: Mapping[str, Any]) -> Request:
    """Return the value of a checked document."""
    # The rows are read as lines of a file of JSON are: same types, same filter.
    read = {"files": "", "format": "ndjson", "columns": given["columns"], "filter": given.get("filter", ())}
    return Request(
        path=given["path"],
        query=tuple(_asked(name, value) for name, value in given.get("query", {}).items()),
        rows=given.get("rows"),
        read=reads.parse(read),
    )


def faults(given: Mapping[str, Any], parameters: frozenset[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what the schema can't say: the place below `request`, and the sentence."""
    known = ", ".join(sorted(parameters))
    named = _NAMED.findall(given["path"])
    if {".", ".."} & set(given["path"].split("/")) or re.search(r"[{}]", _NAMED.sub("", given["path"])):
        yield ("path",), "must be a path of the API: no . and .. in it, and braces only around a parameter"
    for name in named:
        if name not in parameters:
            yield ("path",), f"`{name}` is no parameter; known: {known}"
    for name, value in given.get("query", {}).items():
        asked = _asked(name, value)
        if asked.parameter is not None and asked.parameter not in parameters:
            yield ("query", name), f"`{asked.parameter}` is no parameter; known: {known}"
    files = {"files": "x", "format": "ndjson", "columns": given["columns"], "filter": given.get("filter", ())}
    yield from reads.faults(files, parameters)


def target(request: Request, parameters: Mapping[str, object]) -> str:
    """
    Return path and query as they are sent; SourceRefused when the path needs a value that was not given.

    >>> given = {"path": "/of/{unit}", "query": {"day": {"parameter": "to"}}, "columns": {"id": "integer"}}
    >>> target(parse(given), {"unit": "a/b", "to": datetime.date(2025, 1, 31)})
    '/of/a%2Fb?day=2025-01-31'
    """

    def filled(found: re.Match[str]) -> str:
        value = text(parameters.get(found[1]))
        if value in {None, "", ".", ".."}:
            raise SourceRefused(
                f"The path of the profile needs a value of the parameter {found[1]!r}. Ask with one, or make it "
                "required."
            )
        return quote(str(value), safe="")

    path = _NAMED.sub(filled, quote(request.path, safe=_PLAIN + "{}"))
    pairs = [pair for asked in request.query for pair in _pairs(asked, parameters)]
    return path + (f"?{urlencode(pairs, quote_via=quote)}" if pairs else "")


def text(value: object) -> str | None:
    """
    Return the text of a value, None when there is none.

    >>> text(True), text(12), text(datetime.date(2025, 1, 31)), text(None)
    ('true', '12', '2025-01-31', None)
    """
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime.date():
            return value.isoformat()
        case _:
            return str(value)


def _pairs(asked: Asked, parameters: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    value = asked.value if asked.parameter is None else parameters.get(asked.parameter)
    values = [text(each) for each in value] if isinstance(value, list | tuple) else [text(value)]
    given = [each for each in values if each is not None]
    if asked.join is not None and given:
        yield asked.name, asked.join.join(given)
        return
    for each in given:
        yield asked.name, each


def _asked(name: str, given: Any) -> Asked:
    if isinstance(given, Mapping):
        return Asked(name, None, given["parameter"], given.get("join"))
    return Asked(name, given, None, None)
