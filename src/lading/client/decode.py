"""
JSON answers into the dataclasses of `lading.wire`: unknown fields are ignored, missing or ill-typed ones are not.

A server of a later version may say more than this client knows; it never says less.
"""

from __future__ import annotations

import types
from dataclasses import MISSING, Field, fields
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def decode(shape: type[T], value: Any) -> T:
    """Return `value` as `shape`, a dataclass; ValueError names the first field that does not fit."""
    return _made(shape, value, shape.__name__)


def _made(shape: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not an object")
    values: dict[str, Any] = {}
    for each, hint in _plan(shape):
        if each.name in value:
            values[each.name] = _value(hint, value[each.name], f"{where}.{each.name}")
        elif each.default is MISSING and each.default_factory is MISSING:
            raise ValueError(f"{where}.{each.name} is missing")
    return shape(**values)


@cache
def _plan(shape: Any) -> list[tuple[Field[Any], Any]]:
    hints = get_type_hints(shape)
    return [(each, hints[each.name]) for each in fields(shape)]


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _value(next(each for each in arguments if each is not type(None)), value, where)
    if origin is list and isinstance(value, list):
        return [_value(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {str(key): _value(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and hasattr(hint, "__dataclass_fields__"):
        return _made(hint, value, where)
    if isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise ValueError(f"{where} is not a {getattr(hint, '__name__', hint)}")
