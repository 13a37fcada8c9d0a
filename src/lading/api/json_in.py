"""
JSON as it may come in: UTF-8, shallow, without what the database or the ledger can't hold.  Pure.

Python's parser takes more than JSON has (NaN, lone surrogates, integers of any length, a key twice); each of them
would surface later, further from the person who can mend it.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, TypeAlias

from lading.errors import InvalidInput

MAX_DEPTH: Final = 32
_MAX_INTEGER: Final = 1 << 53
_MAX_DIGITS: Final = 4000

# A path is only written out when something is wrong there: most of a large body is right.
_Path: TypeAlias = "tuple[_Path, str | int] | None"


def check(body: bytes) -> None:
    """
    Raise InvalidInput, naming the place, when `body` is not JSON that Lading takes.

    >>> check(b'{"a": [1, 2.5, "x"]}')
    >>> check(b'{"a": NaN}')
    Traceback (most recent call last):
    lading.errors.InvalidInput: The body is not JSON: NaN is not a JSON number. Correct it.
    """
    try:
        value = json.loads(
            body.decode("utf-8"), parse_constant=_constant, parse_int=_integer, object_pairs_hook=_object
        )
    except UnicodeDecodeError:
        raise InvalidInput("The body is not UTF-8; encode it so.") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise InvalidInput(f"The body is not JSON: {_reason(error)}. Correct it.") from None
    _walk(value, None, 1)


def _reason(error: ValueError) -> str:
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


def _walk(value: Any, path: _Path, depth: int) -> None:
    match value:
        case dict() | list() if depth > MAX_DEPTH:
            raise _too_deep()
        case list():
            for index, item in enumerate(value):
                _step(item, path, index, depth)
        case dict():
            for key, item in value.items():
                if _is_broken(key):
                    raise _fault(path, "has a key with a NUL character or half of a surrogate pair; write it whole.")
                _step(item, path, key, depth)
        case _:
            _refuse_scalar(value, path)


def _step(item: Any, path: _Path, key: str | int, depth: int) -> None:
    if isinstance(item, dict | list):
        _walk(item, (path, key), depth + 1)
    elif item is not None and item is not True and item is not False:
        _refuse_scalar(item, (path, key))


def _refuse_scalar(value: Any, path: _Path) -> None:
    match value:
        case str() if _is_broken(value):
            raise _fault(path, "holds a NUL character or half of a surrogate pair; send whole characters.")
        case int() if not -_MAX_INTEGER < value < _MAX_INTEGER:
            raise _fault(path, "is an integer beyond 2^53; send it smaller or as text.")
        case float() if not math.isfinite(value):
            raise _fault(path, "is a number too large to keep; make it smaller.")
        case _:
            return


def _is_broken(text: str) -> bool:
    if "\x00" in text:
        return True
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)


def _too_deep() -> InvalidInput:
    return InvalidInput(f"The body is nested deeper than {MAX_DEPTH} levels; flatten it.")


def _fault(path: _Path, detail: str) -> InvalidInput:
    names: list[str] = []
    while path is not None:
        path, key = path
        names.append(str(key)[:100])
    return InvalidInput.field(".".join(reversed(names)) or "body", detail)
