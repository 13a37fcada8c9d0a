"""
JSON values as YAML that people read: block style, quotes only where a reader could take a text for something else.

A text of its own, because the client installs without a YAML library; every text that is not plainly a word is quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

# A letter first; no colon, comma, bracket or sign that means something; not a word that some reader takes for a value.
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+(-][A-Za-z0-9_./@+()-]*)*")
_VALUES: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "none", "nan", "inf"})
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def dump(value: Any) -> str:
    """
    Return a JSON value as YAML, with a line feed at its end.

    >>> print(dump({"id": "exp_1", "rows": {"read": 12}, "files": [{"name": "a b.csv", "size": 1}], "no": []}), end="")
    id: exp_1
    rows:
      read: 12
    files:
      - name: a b.csv
        size: 1
    "no": []
    """
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> list[str]:
    match value:
        case Mapping() if value:
            return [line for name, each in value.items() for line in _entry(f"{_text(str(name))}:", each)]
        case list() | tuple() if value:
            return [line for each in value for line in _item(each)]
        case _:
            return [_scalar(value)]


def _entry(head: str, value: Any) -> list[str]:
    if _is_block(value):
        return [head, *(f"  {line}" for line in _lines(value))]
    return [f"{head} {_scalar(value)}"]


def _item(value: Any) -> list[str]:
    first, *rest = _lines(value)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _is_block(value: Any) -> bool:
    return isinstance(value, Mapping | Sequence) and not isinstance(value, str) and bool(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    text = json.dumps(value)
    if isinstance(value, float) and "." not in text:
        return text.replace("e", ".0e")  # what has no point is a text to readers of YAML 1.1
    return text


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _VALUES:
        return text
    return '"' + "".join(_ESCAPES.get(each) or (each if each.isprintable() else _code(each)) for each in text) + '"'


def _code(letter: str) -> str:
    place = ord(letter)
    return f"\\U{place:08x}" if place > 0xFFFF else f"\\u{place:04x}"
