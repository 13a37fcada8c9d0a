"""JSON without loss: numbers keep their digits, and any value can become text again.  Pure."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final


def _refuse(word: str) -> None:
    raise ValueError(word)


# NaN and Infinity are words of Python's reader, not of JSON.
_DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)


class NotJson(Exception):
    """It is no JSON; `is_cut` tells that it ends before its end."""

    def __init__(self, reason: str, *, is_cut: bool = False) -> None:
        super().__init__(reason)
        self.is_cut = is_cut


def decode(given: str) -> Any:
    """Return the value that `given` is; NotJson says why it is none."""
    stripped = given.strip()
    try:
        return _DECODER.decode(stripped)
    except (ValueError, InvalidOperation, RecursionError) as error:
        if not isinstance(error, json.JSONDecodeError):
            raise NotJson("a number too long, or nested too deep") from None
        is_cut = error.pos >= len(stripped) or error.msg.startswith("Unterminated string")
        raise NotJson(error.msg, is_cut=is_cut) from None


def text(value: Any) -> str | None:
    """
    Return a JSON value as text, exactly; text stays as it is.

    >>> text(Decimal("0.10")), text(True), text({"b": [1, None], "a": "æ"})
    ('0.10', 'true', '{"b":[1,null],"a":"æ"}')
    """
    match value:
        case None | str():
            return value
        case dict() | list():
            return _nested(value)
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f") if value.is_finite() and abs(value.adjusted()) < 400 else None
        case _:
            return str(value)


def _nested(value: Any) -> str:
    match value:
        case dict():
            return (
                "{"
                + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_nested(item)}" for key, item in value.items())
                + "}"
            )
        case list():
            return "[" + ",".join(_nested(item) for item in value) + "]"
        case Decimal():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
