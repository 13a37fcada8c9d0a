"""Merge patches (RFC 7396): what a request names is changed, what it sets to null goes back, the rest stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Annotated, Any, TypeVar

from fastapi import Body
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")
Patch = Annotated[dict[str, Any], Body(description="What changes, as a merge patch (RFC 7396) of what PUT takes.")]


def merge(stands: T, patch: Mapping[str, Any]) -> T:
    """Return the request `stands`, a wire dataclass, as `patch` leaves it, judged like one that was sent whole."""
    merged = merged_json(asdict(stands), patch)  # pyright: ignore[reportArgumentType]  # only dataclasses come
    try:
        return _adapter(type(stands)).validate_python(merged)
    except ValidationError as error:
        faults = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(faults) from error


def merged_json(stands: Any, patch: Any) -> Any:
    """
    Return a JSON value as a merge patch leaves it.

    >>> merged_json({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"c": 4}})
    {'b': {'c': 4, 'd': 3}}
    """
    if not isinstance(patch, dict):
        return patch
    base = dict(stands) if isinstance(stands, dict) else {}
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        else:
            base[key] = merged_json(base.get(key), value)
    return base


@cache
def _adapter(shape: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(shape)
