"""
Canonical JSON: one value, one byte string.

A restricted profile of RFC 8785 (JCS): ASCII keys, no floats, integers below 2^53 in magnitude, UTF-8 strings
without lone surrogates.  Within it, sorted keys and minimal separators are exactly JCS; outside it `encode` raises.
Ledger lines, manifests and statements are hashed and signed as these bytes.  Standard library only: the offline
verifier uses this module.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"

_SAFE: Final = 1 << 53
_TEXT: Final = frozenset({str})
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def encode(value: Json) -> bytes:
    r"""
    Return the canonical bytes of `value`; raise ValueError outside the profile.

    >>> encode({"b": 1, "a": ["æ", None, True]})
    b'{"a":["\xc3\xa6",null,true],"b":1}'
    """
    _check(value)
    return _ENCODER.encode(value).encode("utf-8")


def decode(data: bytes) -> Json:
    """Return the value of canonical `data`; raise ValueError if the bytes are not the canonical form of it."""
    value: Json = json.loads(data)
    if encode(value) != data:
        raise ValueError("the bytes are JSON but not in canonical form")
    return value


def _check(value: Json) -> None:
    match value:
        case None | bool() | str():
            return
        case int():
            if not -_SAFE < value < _SAFE:
                raise ValueError(f"integer {value} is outside ±2^53")
        case list() | tuple():
            if not _TEXT.issuperset(map(type, value)):
                for item in value:
                    _check(item)
        case dict():
            for key, item in value.items():
                if not key.isascii():
                    raise ValueError(f"key {key!r} is not ASCII")
                _check(item)
        case _:  # what callers pass is not always what they promised
            raise ValueError(f"{type(value).__name__} has no canonical form")
