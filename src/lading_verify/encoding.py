"""
Canonical JSON and strict base64: one value, one text, so that no bit of a text is free.

The JSON is the restricted profile of RFC 8785 (JCS) that the ledger uses: ASCII keys in order, no floats, integers
below 2^53 in magnitude, no white space.  What is read here was written by others: depth, length and numbers are bounded
before a value is believed.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn, TypeAlias

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"

MAX_DEPTH: Final = 32
_SAFE: Final = 1 << 53
_LONGEST_NUMBER: Final = 18
_ENCODE: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False, allow_nan=False
).encode


def encode(value: Json) -> bytes:
    r"""
    Return the canonical bytes of `value`; ValueError outside the profile.

    >>> encode({"b": 1, "a": ["æ", None, True]})
    b'{"a":["\xc3\xa6",null,true],"b":1}'
    """
    _admit(value, MAX_DEPTH)
    return _ENCODE(value).encode("utf-8")


def decode(data: bytes) -> Any:
    """
    Return the value of canonical `data`; ValueError if the bytes are not the canonical form of it.

    >>> decode(b'{"a":1.0}')
    Traceback (most recent call last):
    ValueError: 1.0 is not a whole number
    """
    return decode_text(data.decode("utf-8"))


def decode_text(text: str) -> Any:
    """Return the value of canonical `text`, as `decode` does."""
    try:
        value = _DECODE(text)
        if _ENCODE(value) != text:
            raise ValueError("it is JSON but not in canonical form")
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not text.isascii() or text.count("[") + text.count("{") > MAX_DEPTH:
        _admit(value, MAX_DEPTH)  # nothing else can leave the profile
        text.encode("utf-8")  # a lone surrogate has no bytes
    return value


def to_base64(raw: bytes) -> str:
    """Return `raw` as base64."""
    return base64.b64encode(raw).decode()


def from_base64(text: str) -> bytes:
    """
    Return the bytes of `text`; ValueError unless it is exactly what encoding them gives.

    >>> from_base64("QUJDRH==")
    Traceback (most recent call last):
    ValueError: base64 with stray bits at its end
    """
    if not isinstance(text, str):
        raise ValueError("base64 is a text")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not base64: {error}") from None
    if to_base64(raw) != text:  # unused bits of the last letter may hide a change
        raise ValueError("base64 with stray bits at its end")
    return raw


def _refuse_float(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is not a whole number")


def _whole(text: str) -> int:
    number = int(text) if len(text) < _LONGEST_NUMBER else _SAFE
    if not -_SAFE < number < _SAFE:
        raise ValueError("an integer is outside ±2^53")
    return number


# By hooks that are called for what they are named for only, so that a line without it costs nothing.
_DECODE: Final = json.JSONDecoder(
    parse_int=_whole, parse_float=_refuse_float, parse_constant=_refuse_float
).decode  # fmt: skip


def _admit(value: Any, depth: int) -> None:
    if depth < 0:
        raise ValueError("it is nested too deep")
    match value:
        case None | bool() | str():
            return
        case int():
            if not -_SAFE < value < _SAFE:
                raise ValueError("an integer is outside ±2^53")
        case list() | tuple():
            for item in value:
                _admit(item, depth - 1)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    raise ValueError(f"key {key!r} is not ASCII")
                _admit(item, depth - 1)
        case _:
            raise ValueError(f"{type(value).__name__} has no canonical form")
