"""
Expressions of a profile document, checked before any source is asked: grammar, functions, parameters.

Types are checked as far as they do not depend on a column of the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from lading.exports import cel
from lading.exports.cel import ExpressionInvalid
from lading.exports.cel_types import kind_of
from lading.exports.parameters import kinds

Path: TypeAlias = tuple[str | int, ...]


def faults(document: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield the path and the sentence of each expression that cannot be, whatever the source gives."""
    known = kinds({name: given["type"] for name, given in document.get("parameters", {}).items()})
    for path, text, is_claim in _written(document):
        try:
            kind = kind_of(cel.parse(text).root, lambda _: "any", known)
        except ExpressionInvalid as error:
            yield path, f"expression {error.placed(text)}"
            continue
        if is_claim and kind not in {"bool", "any"}:
            yield path, f"expression 1:1: must be true or false, and this is of type {kind}"
        if kind == "list":
            yield path, "expression 1:1: is a list, which no column holds"


def _written(document: Mapping[str, Any]) -> Iterator[tuple[Path, str, bool]]:
    """Yield each expression with whether it has to be true or false."""
    if "filter" in document:
        yield ("filter",), document["filter"], True
    for index, column in enumerate(document["columns"]):
        if "expression" in column:
            yield ("columns", index, "expression"), column["expression"], False
        if isinstance(column.get("required_if"), str):
            yield ("columns", index, "required_if"), column["required_if"], True
    for index, rule in enumerate(document.get("rules", ())):
        for key in ("when", "require"):
            if isinstance(rule.get(key), str):
                yield ("rules", index, key), rule[key], True
