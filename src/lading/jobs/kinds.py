"""
Kinds of jobs as the API knows them: which there are, which anybody may create directly, with what payload.  Pure.

What a kind does is a Handler's; wiring puts the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from lading.errors import FieldError, InvalidInput

_CODE: Final = re.compile(r"[a-z][a-z0-9-]{0,59}")
_LONGEST_SECONDS: Final = 3600
_MOST_FAILURES: Final = 1000
NOOP_KIND: Final = "noop"


@dataclass(frozen=True, slots=True)
class Kind:
    """
    A kind of job.

    `check` raises InvalidInput for a payload that is wrong; None: such jobs are not created directly.  `shown` returns
    what people may see of a payload.
    """

    name: str
    description: str
    shown: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    check: Callable[[Mapping[str, Any]], None] | None = None


Kinds: TypeAlias = Mapping[str, Kind]


def check_noop(payload: Mapping[str, Any]) -> None:
    """
    Raise InvalidInput, naming each field, when `payload` is none of a `noop`.

    >>> check_noop({"seconds": 0.5, "fail": "source-timeout", "fails": 2})
    >>> check_noop({"seconds": -1})
    Traceback (most recent call last):
    lading.errors.InvalidInput: payload.seconds: must be a number of seconds from 0 to 3600.
    """
    errors = [
        FieldError(f"/payload/{name}", fault) for name, value in payload.items() if (fault := _fault(name, value))
    ]
    if "fails" in payload and "fail" not in payload:
        errors.append(FieldError("/payload/fails", "goes with fail, the code to fail with."))
    if errors:
        first = errors[0]
        raise InvalidInput(f"{first.pointer[1:].replace('/', '.')}: {first.detail}", tuple(errors))


def whole(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the payload as it is: it holds no secret."""
    return payload


NOOP: Final = Kind(
    NOOP_KIND,
    "Does nothing for `seconds`, then completes; with `fail` it fails with that code, the first `fails` times or "
    "always; with `throttled_seconds` it says that its source asks for so long a rest. For drills.",
    whole,
    check_noop,
)

DIRECT: Final[Kinds] = {NOOP.name: NOOP}
"""The kinds that anybody may create directly."""


def _fault(name: str, value: Any) -> str | None:
    match name:
        case "seconds" | "throttled_seconds":
            fits = _is_number(value) and 0 <= value <= _LONGEST_SECONDS
            return None if fits else f"must be a number of seconds from 0 to {_LONGEST_SECONDS}."
        case "fail":
            fits = isinstance(value, str) and _CODE.fullmatch(value) is not None
            return None if fits else "must be a code such as source-timeout."
        case "fails":
            fits = _is_number(value) and value == int(value) and 1 <= value <= _MOST_FAILURES
            return None if fits else f"must be a whole number from 1 to {_MOST_FAILURES}."
        case _:
            return "is not a known field of a noop; remove it."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
