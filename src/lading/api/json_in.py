"""
JSON as it may come in: UTF-8, shallow, without what the database or the ledger can't hold.  Pure.

Python's parser takes more than JSON has (NaN, lone surrogates, integers of any length, a key twice); each of them
would surface later, further from the person who can mend it.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

from lading.errors import InvalidInput

MAX_DEPTH: Final = 32
_MAX_INTEGER: Final = 1 << 53
_MAX_DIGITS: Final = 4000


def check(body: bytes) -> None:
    """
    Raise InvalidInput, naming the place, when `body` is not JSON that Lading takes.

    >>> check(b'{"a": [1, 2.5, "x"]}')
    >>> check(b'{"a": NaN}')
    Traceback (most recent call last):
    lading.errors.InvalidInput: The body is not JSON: NaN is not a JSON number. Correct it.
    """
    _refuse_depth(body)
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=_constant, parse_int=_integer, object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise InvalidInput("The body is not UTF-8; encode it so.") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The body is not JSON: {_reason(error)}. Correct it.") from None
    _walk(value, "")


def _refuse_depth(body: bytes) -> None:
    # Counted before parsing, brackets in strings too when there are many: the parser's own recursion is not bounded.
    depth, in_string, is_escaped = 0, False, False
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    for byte in body:
        if in_string:
            in_string = is_escaped or byte != 0x22
            is_escaped = byte == 0x5C and not is_escaped
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidInput(f"The body is nested deeper than {MAX_DEPTH} levels; flatten it.")
        elif byte in b"]}":
            depth -= 1


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return str(error)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("an integer has more digits than can be kept")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object has the same key twice")
    return made


def _walk(value: Any, pointer: str) -> None:
    match value:
        case str():
            _refuse_text(value, pointer)
        case bool() | None:
            return
        case int() if not -_MAX_INTEGER < value < _MAX_INTEGER:
            raise InvalidInput.field(_dotted(pointer), "is an integer beyond 2^53; send it smaller or as text.")
        case float() if not math.isfinite(value):
            raise InvalidInput.field(_dotted(pointer), "is a number too large to keep; make it smaller.")
        case list():
            for index, item in enumerate(value):
                _walk(item, f"{pointer}/{index}")
        case dict():
            for key, item in value.items():
                _refuse_text(key, pointer)
                _walk(item, f"{pointer}/{key[:100]}")
        case _:
            return


def _refuse_text(text: str, pointer: str) -> None:
    if "\x00" in text:
        raise InvalidInput.field(_dotted(pointer), "holds a NUL character; remove it.")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidInput.field(_dotted(pointer), "holds half of a surrogate pair; send whole characters.")


def _dotted(pointer: str) -> str:
    return pointer.removeprefix("/").replace("/", ".") or "body"
