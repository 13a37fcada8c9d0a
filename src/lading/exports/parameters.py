"""
The parameters of a profile: what may be chosen at request time, and the check of what was chosen.

`period_from` and `period_to` belong to every query and are not declared here.  The result is normalised (lists sorted
and without repeats, defaults filled in), so that equal requests have equal parameters.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import FieldError, InvalidInput
from lading.exports.cel_types import Kind

MAX_TEXT: Final = 200
MAX_ITEMS: Final = 500
_EMPTY: Final[dict[str, Any]] = {"string_list": []}


_KINDS: Final[Mapping[str, Kind]] = {
    "string": "string",
    "integer": "int",
    "boolean": "bool",
    "date": "date",
    "string_list": "list",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a profile; `values` are the only ones allowed, if given."""

    name: str
    type: str
    label: str
    required: bool
    default: Any
    values: tuple[str, ...]
    minimum: int | None
    maximum: int | None

    @classmethod
    def of(cls, name: str, given: Mapping[str, Any]) -> Parameter:
        """Return the parameter a document declares."""
        return cls(
            name=name,
            type=given["type"],
            label=given.get("label", name),
            required=given.get("required", False),
            default=given.get("default", _EMPTY.get(given["type"])),
            values=tuple(given.get("values", ())),
            minimum=given.get("minimum"),
            maximum=given.get("maximum"),
        )

    def value(self, given: Any) -> Any:
        """Return `given` normalised; raise ValueError that says what is wrong."""
        match self.type:
            case "string":
                return self._text(given)
            case "string_list":
                return self._list(given)
            case "integer":
                return self._integer(given)
            case "boolean":
                if not isinstance(given, bool):
                    raise ValueError("must be true or false")
                return given
            case _:
                return _date(given)

    def _text(self, given: Any) -> str:
        if not isinstance(given, str) or not given or len(given) > MAX_TEXT or "\x00" in given:
            raise ValueError(f"must be text of 1 to {MAX_TEXT} characters")
        if self.values and given not in self.values:
            raise ValueError(f"{given[:60]!r} is none of " + ", ".join(self.values))
        return given

    def _list(self, given: Any) -> list[str]:
        if not isinstance(given, list | tuple) or len(given) > MAX_ITEMS:
            raise ValueError(f"must be a list of at most {MAX_ITEMS} texts")
        items: list[Any] = list(given)
        return sorted({self._text(item) for item in items})

    def _integer(self, given: Any) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or not -(1 << 53) < given < 1 << 53:
            raise ValueError("must be a whole number")
        if self.minimum is not None and given < self.minimum:
            raise ValueError(f"must be at least {self.minimum}")
        if self.maximum is not None and given > self.maximum:
            raise ValueError(f"must be at most {self.maximum}")
        return given


def kinds(types: Mapping[str, str]) -> dict[str, Kind]:
    """
    Return the type in expressions of each parameter; both ends of the period are always there.

    >>> kinds({"scope": "string"})
    {'scope': 'string', 'period_from': 'date', 'period_to': 'date'}
    """
    return {**{name: _KINDS[given] for name, given in types.items()}, "period_from": "date", "period_to": "date"}


def admit(parameters: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return each parameter with its value; raise InvalidInput that names each that is unknown, absent or wrong."""
    faults = [
        FieldError(f"/parameters/{name}", _unknown(parameters), "unknown") for name in given if name not in parameters
    ]
    admitted: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if given.get(name) is None:
            admitted[name] = parameter.default
            if parameter.required and parameter.default in (None, []):
                faults.append(FieldError(f"/parameters/{name}", "is required", "required"))
            continue
        try:
            admitted[name] = parameter.value(given[name])
        except ValueError as error:
            faults.append(FieldError(f"/parameters/{name}", str(error), "invalid"))
    if faults:
        first = faults[0]
        raise InvalidInput(f"parameters.{first.pointer.rpartition('/')[2]}: {first.detail}", tuple(faults))
    return admitted


def _unknown(parameters: Mapping[str, Parameter]) -> str:
    known = ", ".join(parameters) or "none"
    return f"this profile has no such parameter; it has: {known}"


def _date(given: Any) -> str:
    try:
        return datetime.date.fromisoformat(given).isoformat()
    except (TypeError, ValueError):
        raise ValueError("must be a date, YYYY-MM-DD") from None
