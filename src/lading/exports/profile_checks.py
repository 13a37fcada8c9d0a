"""
What makes a profile document wrong: its JSON Schema, and the claims a schema cannot make.

`check` collects every fault before it raises, each with a JSON pointer and, for a document that came from text, the
line.  Meaning belongs to `exports/profile`, which calls this first and may then trust the document's shape.
"""

from __future__ import annotations

import json
import re
import string
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from typing import Any, Final

from jsonschema import Draft202012Validator

from lading.artifacts import age
from lading.errors import FieldError, ProfileInvalid
from lading.exports import profile_expressions, wording
from lading.exports.cel_types import pattern_fault
from lading.exports.parameters import Parameter
from lading.exports.patterns import boolean_words, date_pattern, number_pattern
from lading.exports.types.names import AUDIT_BUNDLE, OWN
from lading.exports.wording import Fault, Path
from lading.sources import read, remote_request, request

BUILT_IN: Final = frozenset({"period_from", "period_to"})
_SCHEMA: Final[dict[str, Any]] = json.loads(
    resources.files(__package__ or "").joinpath("profile.schema.json").read_text("utf-8")
)
_VALIDATOR: Final = Draft202012Validator(_SCHEMA)
_PLACEHOLDER: Final = re.compile(r"%(?:%|\((\w+)\)s|(.?))", re.DOTALL)
_FILE_FIELDS: Final = frozenset({"profile", "type", "period_from", "period_to", "year"})
_NEEDED: Final = frozenset({"source", "formats"})
_SOURCES: Final = ("from", "constant", "parameter", "concat", "expression")
_WAYS: Final = ("query", "read", "request", "remote")
_NUMERIC: Final = frozenset({"integer", "decimal"})
_DAY: Final = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_WRITTEN: Final = {
    "string": r".*",
    "integer": r"-?\d{1,18}",
    "decimal": r"-?\d{1,18}(\.\d{1,9})?",
    "date": _DAY,
    "timestamp": _DAY + r"T\d\d:\d\d:\d\d",
    "boolean": r"true|false",
}
_TEXT_STEPS: Final = frozenset({"trim", "collapse_spaces", "upper", "lower", "truncate", "prefix", "suffix", "absent"})


def check(document: Mapping[str, Any]) -> None:
    """Raise ProfileInvalid with every fault of `document`, or return."""
    if errors := faults_of(document):
        first = f"{errors[0].pointer[1:].replace('/', '.') or 'profile'}: {errors[0].detail}"
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise ProfileInvalid(first + more, errors[: wording.MAX_FAULTS])


def faults_of(document: Mapping[str, Any]) -> tuple[FieldError, ...]:
    """
    Return every fault of `document`, in the order of the text if it came from one, else of its paths.

    What the schema finds wrong is left out before the rest is looked at, so that one wrong word hides nothing else.
    """
    faults = wording.unreadable(document, what="a profile")
    if not faults:
        faults = wording.of_schema(_VALIDATOR, document)
        sound = _sound(document, [path for path, _ in faults]) if faults else document
        faults += [fault for checker in _CHECKS for fault in checker(sound)] if sound is not None else []
    return wording.told(document, faults, code="profile-invalid")


def _sound(document: Mapping[str, Any], paths: list[Path]) -> dict[str, Any] | None:
    """Return the document without what is wrong at `paths`; None where too little is left to be looked at."""
    wrong = {path[0] for path in paths if path and path[0] != "columns"}
    if () in paths or wrong & _NEEDED or any(path == ("columns",) for path in paths):
        return None
    columns = {path[1] for path in paths if len(path) > 1 and path[0] == "columns"}
    found = {key: value for key, value in document.items() if key not in wrong}
    # A place that keeps its number, so that what is said of the others is right.
    plain = {"type": "string", "constant": ""}
    found["columns"] = [
        {**plain, "name": _name(each, index)} if index in columns else each
        for index, each in enumerate(document["columns"])
    ]
    return found


def _name(column: Any, index: int) -> str:
    name = column.get("name") if isinstance(column, dict) else None
    return name if isinstance(name, str) and name else f"\x00{index}"


def _type(document: Mapping[str, Any]) -> Iterator[Fault]:
    if (given := document.get("type")) in {*OWN, AUDIT_BUNDLE}:
        yield ("type",), f"{given} is a type that needs no profile; give it another name"


def _formats(document: Mapping[str, Any]) -> Iterator[Fault]:
    if document.get("default_format", document["formats"][0]) not in document["formats"]:
        yield ("default_format",), "is not among `formats`"


def _recipients(document: Mapping[str, Any]) -> Iterator[Fault]:
    for number, text in enumerate(document.get("encrypt_to", ())):
        if age.recipient(text) is None:
            yield ("encrypt_to", number), "is no public key of age (age1…) or ssh (ssh-ed25519 …)"


def _file_name(document: Mapping[str, Any]) -> Iterator[Fault]:
    text: str = document.get("file_name", "report")
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        yield ("file_name",), "has a brace without its partner"
        return
    for literal, name, spec, conversion in parts:
        if not re.fullmatch(r"[A-Za-z0-9_-]*", literal):
            yield ("file_name",), "may hold A-Z a-z 0-9 _ - and {placeholders}; the ending is added"
        if name is not None and (name not in _FILE_FIELDS or spec or conversion):
            yield ("file_name",), f"unknown placeholder {{{name}}}; known: {', '.join(sorted(_FILE_FIELDS))}"


def _timezone(document: Mapping[str, Any]) -> Iterator[Fault]:
    try:
        zoneinfo.ZoneInfo(document.get("timezone", "UTC"))
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        yield ("timezone",), "is no time zone of the IANA list, like Europe/Oslo"


def _parameters(document: Mapping[str, Any]) -> Iterator[Fault]:
    for name, given in document.get("parameters", {}).items():
        path: Path = ("parameters", name)
        if name in BUILT_IN:
            yield path, "is built in and may not be declared"
        if "values" in given and given["type"] not in {"string", "string_list"}:
            yield (*path, "values"), "belongs to string and string_list"
        if given.get("default") is not None:
            try:
                Parameter.of(name, given).value(given["default"])
            except ValueError as error:
                yield (*path, "default"), str(error)


def _parts(document: Mapping[str, Any]) -> Iterator[Fault]:
    if "parts" in document["source"] and "query" not in document["source"]:
        yield ("source", "parts"), "belongs to `query`: what is no database is read from its beginning"


def _key(document: Mapping[str, Any]) -> Iterator[Fault]:
    source = document["source"]
    for way in ("read", "request"):
        columns = source.get(way, {}).get("columns")
        for index, name in enumerate(source["key"] if columns else ()):
            if name not in columns:
                yield ("source", "key", index), f"`{name}` is not among `{way}.columns`"
    for index, name in enumerate(source["key"] if "remote" in source else ()):
        if name not in remote_request.COLUMNS:
            yield ("source", "key", index), f"`{name}` is none of {', '.join(remote_request.COLUMNS)}"


def _queries(document: Mapping[str, Any]) -> Iterator[Fault]:
    declared = BUILT_IN | frozenset(document.get("parameters", {}))
    source = document["source"]
    places: list[tuple[Path, Mapping[str, Any]]] = [(("source",), source)]
    if "attachments" in source:
        places.append((("source", "attachments"), source["attachments"]))
    texts: list[tuple[Path, str]] = []
    for path, asked in places:
        if sum(way in asked for way in _WAYS) != 1:
            yield path, "needs exactly one of: " + ", ".join(_WAYS)
        if "query" in asked:
            texts.append(((*path, "query"), asked["query"]))
        if "read" in asked:
            yield from (((*path, "read", *at), detail) for at, detail in read.faults(asked["read"], declared))
        if "request" in asked:
            yield from (((*path, "request", *at), detail) for at, detail in request.faults(asked["request"], declared))
        if "remote" in asked:
            is_list = path != ("source",)
            faults = remote_request.faults(asked["remote"], declared, is_list=is_list, is_remote="remote" in source)
            yield from (((*path, "remote", *at), detail) for at, detail in faults)
    for path, text in texts:
        if "\x00" in text:
            yield path, "holds a NUL character"
        for found in _PLACEHOLDER.finditer(text):
            name, stray = found[1], found[2]
            if stray is not None:
                yield path, "has a lone %; write %% for a percent sign and %(name)s for a parameter"
            if name is not None and name not in declared:
                yield path, f"uses %({name})s, which is no parameter; known: {', '.join(sorted(declared))}"


def _columns(document: Mapping[str, Any]) -> Iterator[Fault]:
    seen: set[str] = set()
    declared = BUILT_IN | set(document.get("parameters", {}))
    for index, column in enumerate(document["columns"]):
        path: Path = ("columns", index)
        if column["name"].casefold() in seen or column["name"] != column["name"].strip():
            yield (*path, "name"), "is used twice, or begins or ends with a space"
        seen.add(column["name"].casefold())
        if sum(key in column for key in _SOURCES) != 1:
            yield path, "needs exactly one of: " + ", ".join(_SOURCES)
        if column.get("parameter", "period_from") not in declared:
            yield (*path, "parameter"), f"is no parameter; known: {', '.join(sorted(declared))}"
        yield from (((*path, *at), detail) for at, detail in _column(column))


def _column(column: Mapping[str, Any]) -> Iterator[Fault]:
    kind = column["type"]
    yield from _format(column, kind)
    if "fallback" in column and "values" not in column:
        yield ("fallback",), "needs `values`"
    if "separator" in column and "concat" not in column:
        yield ("separator",), "needs `concat`"
    if ("minimum" in column or "maximum" in column) and kind not in _NUMERIC | {"date"}:
        yield ("type",), "`minimum` and `maximum` belong to integer, decimal and date"
    for bound in ("minimum", "maximum"):
        given = column.get(bound)
        is_day = isinstance(given, str) and re.fullmatch(_SCHEMA["$defs"]["bound"]["pattern"], given)
        if given is not None and bool(is_day) != (kind == "date"):
            yield (bound,), "a date has dates or period_from/period_to as bounds, a number has numbers"
    for key in ("max_length", "pattern", "mask"):
        if key in column and kind != "string":
            yield (key,), "belongs to type string"
    if "pattern" in column and (fault := pattern_fault(column["pattern"])):
        yield ("pattern",), f"is no regular expression: {fault}"
    if "expression" in column and "mask" in column and "domain" not in column["mask"]:
        yield ("mask",), "needs `domain` where the value comes from an expression: a name for what it identifies"
    yield from _written_values(column, kind)
    null = column.get("null")
    if isinstance(null, dict) and "placeholder" in null and kind != "string":
        yield ("null", "placeholder"), "belongs to type string; use `default`"
    for number, step in enumerate(column.get("transform", ())):
        name = step if isinstance(step, str) else next(iter(step))
        if name in {"divide", "multiply"} and kind not in _NUMERIC:
            yield ("transform", number), "arithmetic belongs to integer and decimal"
        if name in _TEXT_STEPS - {"absent", "trim"} and kind != "string":
            yield ("transform", number), "belongs to type string"


def _written_values(column: Mapping[str, Any], kind: str) -> Iterator[Fault]:
    """Yield what the profile itself writes into the column although it is not of the column's type."""
    null = column.get("null")
    given: list[tuple[Path, Any]] = [(("constant",), column["constant"])] if "constant" in column else []
    given += [(("fallback",), column["fallback"])] if "fallback" in column else []
    given += [(("values", key), value) for key, value in column.get("values", {}).items()]
    if isinstance(null, dict) and "default" in null:
        given.append((("null", "default"), null["default"]))
    for path, value in given:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not re.fullmatch(_WRITTEN[kind], text, re.DOTALL):
            yield path, f"is no {kind}"


def _format(column: Mapping[str, Any], kind: str) -> Iterator[Fault]:
    if "format" not in column:
        return
    if kind == "string":
        yield ("format",), "a string has no format"
        return
    readers: dict[str, Callable[[str], Any]] = {
        "boolean": boolean_words,
        "integer": number_pattern,
        "decimal": number_pattern,
    }
    try:
        pattern = readers.get(kind, date_pattern)(column["format"])
    except ValueError as error:
        yield ("format",), str(error)
        return
    if kind == "integer" and pattern.scale:
        yield ("format",), "an integer has no digits after the point"
    if kind == "date" and pattern.has_time:
        yield ("format",), "a date has no time of day; use type timestamp"


def _references(document: Mapping[str, Any]) -> Iterator[Fault]:
    types = {column["name"]: column["type"] for column in document["columns"]}
    for path, name, needs_number in _named(document):
        if name not in types:
            yield path, f"`{name}` is no output column"
        elif needs_number and types[name] not in _NUMERIC:
            yield path, f"`{name}` is not a number"


def _named(document: Mapping[str, Any]) -> Iterator[tuple[Path, str, bool]]:
    totals, pdf = document.get("totals"), document.get("pdf", {})
    if totals:
        yield ("totals", "label_column"), totals["label_column"], False
        for name, kind in totals["columns"].items():
            yield ("totals", "columns", name), name, kind == "sum"
    for index, name in enumerate(pdf.get("columns", ())):
        yield ("pdf", "columns", index), name, False
    for index, figure in enumerate(pdf.get("figures", ())):
        for key in {"sum", "distinct"} & set(figure):
            yield ("pdf", "figures", index, key), figure[key], key == "sum"
    for index, group in enumerate(pdf.get("groups", ())):
        yield ("pdf", "groups", index, "by"), group["by"], False
        for place, name in enumerate(group.get("sum", ())):
            yield ("pdf", "groups", index, "sum", place), name, True


def _totals(document: Mapping[str, Any]) -> Iterator[Fault]:
    totals = document.get("totals")
    if not totals:
        return
    types = {column["name"]: column["type"] for column in document["columns"]}
    if totals["label_column"] in totals["columns"]:
        yield ("totals", "columns"), "the label column cannot hold a total"
    if types.get(totals["label_column"]) in _NUMERIC | {"boolean"}:
        yield ("totals", "label_column"), "must be a text or date column, so that the label is no number"


_CHECKS: Final[tuple[Callable[[Mapping[str, Any]], Iterator[Fault]], ...]] = (
    _type,
    _formats,
    _file_name,
    _recipients,
    _timezone,
    _parameters,
    _parts,
    _key,
    _queries,
    _columns,
    profile_expressions.faults,
    _references,
    _totals,
)
