"""JSON out of a package: one meaning, bounded in size and depth, or PackageInvalid."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any, Final

from lading.artifacts.foreign import shown
from lading.artifacts.unpacking.limits import Limits
from lading.errors import PackageFault, PackageInvalid

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(data: bytes, *, name: str, limits: Limits) -> Any:
    """
    Return the value of the JSON document `data`; a mark of its byte order may stand before it.

    A key that is there twice, a number that is none, text that is no Unicode: each is refused, for readers differ in
    what they make of it.
    """
    if len(data) > limits.document_bytes:
        raise _bad(name, f"it has {len(data)} bytes; more than {limits.document_bytes} are not read")
    try:
        value = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_number, parse_float=_number
        )
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _bad(name, f"it is no good JSON: {_why(error)}") from None
    _bound(value, name=name, depth=limits.depth)
    return value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands in an object twice")
    return found


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "its text is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)[:200]


def _bound(value: Any, *, name: str, depth: int) -> None:
    level: list[Any] = [value]
    for _ in range(depth):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise _bad(name, f"it is nested more than {depth} deep")


def _bad(name: str, why: str) -> PackageInvalid:
    return PackageInvalid(f"{shown(name)} can't be read: {why}.", PackageFault.MANIFEST, entry=name)
