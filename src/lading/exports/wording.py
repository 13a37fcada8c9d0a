"""
Faults of documents that people write, in words: what a JSON Schema finds wrong, and in which order it is told.

Profiles and policies share it; what only they can say of themselves is in `profile_checks` and `policy_checks`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, TypeAlias, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from lading.errors import FieldError
from lading.exports.document import Document, pointer_of

Path: TypeAlias = tuple[str | int, ...]
Fault: TypeAlias = tuple[Path, str]

MAX_FAULTS: Final = 50
# The longest list or mapping that any key of a schema allows; a longer one is not looked into, because that takes
# seconds in which nobody else is answered.
MAX_ENTRIES: Final = 2000
_MOST_LOOKED_FOR: Final = 500


def unreadable(document: Mapping[str, Any], *, what: str) -> list[Fault]:
    """Return what keeps a document from being looked into: lists without end, and fractions that are not exact."""
    return list(islice(_too_long(document, (), what), MAX_FAULTS)) or list(_no_fractions(document, ()))


def of_schema(validator: Draft202012Validator, document: Mapping[str, Any]) -> list[Fault]:
    """Return what the schema finds wrong."""
    return [_worded(each) for each in islice(validator.iter_errors(dict(document)), _MOST_LOOKED_FOR)]


def told(document: Mapping[str, Any], faults: list[Fault], *, code: str) -> tuple[FieldError, ...]:
    """Return the faults in the order of the text, if the document came from one, else of their paths."""
    lines = document if isinstance(document, Document) else Document({}, {})
    ordered = sorted(
        faults, key=lambda fault: (lines.line_of(pointer_of(fault[0])) or 0, [_in_order(part) for part in fault[0]])
    )
    return tuple(FieldError(pointer_of(path), _with_line(document, path, detail), code) for path, detail in ordered)


def _in_order(part: str | int) -> str:
    return f"{part:06}" if isinstance(part, int) else part


def _with_line(document: Mapping[str, Any], path: Path, detail: str) -> str:
    line = document.line_of(pointer_of(path)) if isinstance(document, Document) else None
    return f"line {line}: {detail}" if line else detail


def _worded(error: ValidationError) -> Fault:
    # Of alternatives that all fail, the one whose type fitted is the one that was meant.
    meant = [inner for inner in error.context or () if inner.validator not in {"type", "enum"}]
    error = meant[0] if meant else error
    path: Path = tuple(error.absolute_path)
    if error.validator == "enum" and not isinstance(error.instance, list | dict):
        return (
            path,
            f"{str(error.instance)[:60]!r} is unknown here; choose {_choices(error)}",
        )
    if error.validator == "minItems":
        return path, f"needs at least {error.validator_value} entry"
    if error.validator != "additionalProperties" or not isinstance(error.instance, dict):
        return path, _short(error.message)
    schema = cast("Mapping[str, Any]", error.schema)
    known: list[str] = list(schema.get("properties", {}))
    unknown = next((str(key) for key in error.instance if key not in known), "")
    close = difflib.get_close_matches(unknown, known, 1)
    hint = f"did you mean `{close[0]}`?" if close else "known here: " + ", ".join(known)
    return (*path, unknown), f"unknown key `{unknown}`; {hint}"


def _choices(error: ValidationError) -> str:
    return ", ".join(str(each) for each in cast("list[object]", error.validator_value))


def _short(message: str) -> str:
    return message if len(message) <= 300 else message[:140] + " … " + message[-140:]


def _too_long(value: Any, path: Path, what: str) -> Iterator[Fault]:
    if isinstance(value, dict | list) and len(value) > MAX_ENTRIES:
        yield path, f"has {len(value)} entries; no list or mapping of {what} may have over {MAX_ENTRIES}"
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _too_long(item, (*path, key), what)


def _no_fractions(value: Any, path: Path) -> Iterator[Fault]:
    match value:
        case float():
            yield path, "write a fraction as text in quotes, so that it stays exact"
        case dict():
            for key, item in value.items():
                yield from _no_fractions(item, (*path, key))
        case list():
            for index, item in enumerate(value):
                yield from _no_fractions(item, (*path, index))
        case _:
            return
