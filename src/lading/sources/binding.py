"""
The parameters of a profile's query, for databases that take them apart from the text.

A profile writes `%(name)s` for a parameter and `%%` for a percent sign, whatever the kind of its source.  Here that
becomes the driver's own placeholder; a value never becomes text of the query.  Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from lading.errors import SourceRefused

_PLACEHOLDER: Final = re.compile(r"%(?:(%)|\((\w+)\)s)")


def bound(
    query: str, parameters: Mapping[str, object], placeholder: Callable[[str], str], *, percent: str = "%"
) -> tuple[str, dict[str, object]]:
    """
    Return `query` with the driver's placeholders, and the values it needs and no other.

    `percent` is how the driver wants a percent sign written.

    >>> bound("SELECT 1 WHERE a LIKE 'x%%' AND b = %(b)s", {"b": 1, "c": 2}, ":{}".format)
    ("SELECT 1 WHERE a LIKE 'x%' AND b = :b", {'b': 1})
    """
    used: dict[str, object] = {}

    def replace(found: re.Match[str]) -> str:
        name = found[2]
        if name is None:
            return percent
        if name not in parameters:
            raise SourceRefused(f"The query uses %({name})s, which is no parameter. Correct the query in the profile.")
        used[name] = _checked(name, parameters[name])
        return placeholder(name)

    return _PLACEHOLDER.sub(replace, query).strip().removesuffix(";"), used


def as_text(value: object) -> object:
    """
    Return what drivers without lists and dates are given: JSON text for a list, ISO text for a date.

    >>> as_text(["æ", "b"]), as_text(date(2025, 1, 31)), as_text(7)
    ('["æ","b"]', '2025-01-31', 7)
    """
    if isinstance(value, list | tuple):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value.isoformat() if isinstance(value, date) else value


def _checked(name: str, value: object) -> object:
    for item in value if isinstance(value, list | tuple) else (value,):
        if item is not None and not isinstance(item, str | int | date):
            raise SourceRefused(f"Parameter {name!r} is a {type(item).__name__}, which can't be bound.")
        if isinstance(item, str) and ("\0" in item or any("\ud800" <= letter <= "\udfff" for letter in item)):
            raise SourceRefused(f"Parameter {name!r} holds a character that no database text can hold; remove it.")
    return value
