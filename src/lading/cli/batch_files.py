"""
Requests of a batch out of a file: CSV with a line of headings, a JSON list, or one JSON object on each line.  Pure.

Whatever is wrong is told by its line.  In CSV a column is a field of the request or `parameter.NAME`; lists have
semicolons.  A period is written as on the command line, in JSON also as `{"from": …, "to": …}`.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final

from lading.cli import periods
from lading.errors import InvalidInput
from lading.wire.exports import ExportRequest

MOST_BYTES: Final = 16 << 20
MOST_REQUESTS: Final = 10_000
_PARAMETER: Final = "parameter."
_LISTS: Final = frozenset({"exports", "tables", "destinations", "encrypt_to"})
_TEXTS: Final = frozenset({"profile", "format", "type", "as_of", "source", "variant", "base"})
_YES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_FIELDS: Final = tuple(each.name for each in fields(ExportRequest))


def parse(text: str, *, is_csv: bool) -> list[ExportRequest]:
    r"""
    Return what `text` asks for, in its order; InvalidInput names the first line that is wrong.

    >>> made = parse("profile,period,parameter.organisation\nbufdir,2025-Q1,Nordlys\n", is_csv=True)
    >>> made[0].period, made[0].parameters
    ({'from': '2025-01-01', 'to': '2025-03-31'}, {'organisation': 'Nordlys'})
    """
    text = text.removeprefix("\ufeff")
    found = [_request(where, facts) for where, facts in (_rows(text) if is_csv else _objects(text))]
    if not found:
        raise InvalidInput("The file asks for nothing; give it a line for each export.")
    return found


def product(request: ExportRequest, each: Mapping[str, Sequence[Any]]) -> list[ExportRequest]:
    """
    Return `request` once for each combination of the values of parameters.

    >>> [made.parameters for made in product(ExportRequest("bufdir"), {"organisation": ["A", "B"]})]
    [{'organisation': 'A'}, {'organisation': 'B'}]
    """
    values = list(itertools.islice(itertools.product(*each.values()), MOST_REQUESTS + 1))
    _bound(len(values))
    return [
        replace(request, parameters={**request.parameters, **dict(zip(each, chosen, strict=True))}) for chosen in values
    ]


def _rows(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    # Not `splitlines`: it ends lines at letters that a cell may hold.
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    try:
        unknown = [name for name in reader.fieldnames or () if not _is_column(name)]
        twice = len(set(reader.fieldnames or ())) < len(reader.fieldnames or ())
        if unknown or twice:
            odd = f"has a column {unknown[0][:60]!r}" if unknown else "has a column twice"
            raise InvalidInput(f"line 1: {odd}; columns are {', '.join(_FIELDS)} and {_PARAMETER}NAME.")
        for number, row in enumerate(reader, start=1):
            _bound(number)
            where = f"line {reader.reader.line_num}"
            if "" in row:
                raise InvalidInput(f"{where}: has more cells than there are columns.")
            yield where, _facts(where, {name: (value or "").strip() for name, value in row.items()})
    except csv.Error as error:
        raise InvalidInput(f"line {reader.reader.line_num}: is not CSV ({error}).") from None


def _is_column(name: str) -> bool:
    return (name in _FIELDS and name != "parameters") or (name.startswith(_PARAMETER) and name != _PARAMETER)


def _facts(where: str, row: Mapping[str, str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"parameters": {}}
    for name, value in row.items():
        if not value:
            continue
        if name.startswith(_PARAMETER):
            facts["parameters"][name.removeprefix(_PARAMETER)] = value
        elif name in _LISTS:
            facts[name] = _split(value)
        elif name == "revision":
            if not (value.isascii() and value.isdigit() and len(value) < 10):
                raise InvalidInput(f"{where}: revision {value[:40]!r} is no number.")
            facts[name] = int(value)
        elif name == "include_attachments":
            if value.lower() not in _YES:
                raise InvalidInput(f"{where}: include_attachments is yes or no, not {value[:40]!r}.")
            facts[name] = _YES[value.lower()]
        else:
            facts[name] = value
    return facts


def _split(value: str) -> list[str]:
    return [each.strip() for each in value.split(";") if each.strip()]


def _objects(text: str) -> Iterator[tuple[str, Any]]:
    if text.lstrip().startswith("["):
        listed = _json("The list", text)
        _bound(len(listed))
        yield from ((f"item {number}", each) for number, each in enumerate(listed, start=1))
        return
    lines = ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())
    for count, (number, line) in enumerate(lines, start=1):
        _bound(count)
        yield f"line {number}", _json(f"line {number}", line)


def _json(where: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{where}: is not JSON ({str(error)[:100]}).") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number there")


def _request(where: str, facts: Any) -> ExportRequest:
    if not isinstance(facts, dict):
        raise InvalidInput(f"{where}: is no object with the fields of a request.")
    if unknown := sorted(set(facts) - set(_FIELDS)):
        raise InvalidInput(f"{where}: has a field {unknown[0][:60]!r}; the fields are {', '.join(_FIELDS)}.")
    if not facts.get("profile") and not facts.get("type"):
        raise InvalidInput(f"{where}: names no profile, and no type that needs none.")
    for name, value in facts.items():
        if value is not None and not _fits(name, value):
            raise InvalidInput(f"{where}: {name} can't be {json.dumps(value)[:60]}.")
    facts = {name: value for name, value in facts.items() if value is not None}
    if isinstance(period := facts.get("period"), str):
        try:
            first, last = periods.parse(period)
        except InvalidInput as error:
            raise InvalidInput(f"{where}: {error.message}") from None
        facts["period"] = {"from": first, "to": last}
    return ExportRequest(**facts)


def _fits(name: str, value: Any) -> bool:
    if name in _TEXTS:
        return isinstance(value, str)
    if name in _LISTS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    match name:
        case "revision":
            return isinstance(value, int) and not isinstance(value, bool)
        case "include_attachments":
            return isinstance(value, bool)
        case "period":
            is_span = isinstance(value, dict) and set(value) == {"from", "to"}
            return isinstance(value, str) or (is_span and all(isinstance(each, str) for each in value.values()))
        case _:
            return isinstance(value, dict)


def _bound(count: int) -> None:
    if count > MOST_REQUESTS:
        raise InvalidInput(f"A batch has at most {MOST_REQUESTS} requests; split it.")
