"""What is chosen at request time, as people write it: NAME=VALUE, typed as the profile declares it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.client import Client


def of_revision(client: Client, profile: str, revision: int | None, given: Sequence[str]) -> dict[str, Any]:
    """Return the parameters, typed as a stored revision declares them; the server judges names and values."""
    _pairs(given)  # a slip of the pen is told before anybody is asked
    return typed(client.profiles.get(profile, revision=revision).document, given) if given else {}


def typed(document: Mapping[str, Any], given: Sequence[str]) -> dict[str, Any]:
    """
    Return the parameters, typed as `document` declares them.

    >>> typed({"parameters": {"kinds": {"type": "string_list"}}}, ["kinds=a,b", "kinds=c"])
    {'kinds': ['a', 'b', 'c']}
    """
    declared = document.get("parameters") or {}
    found: dict[str, Any] = {}
    for name, value in _pairs(given):
        made = _value(name, str((declared.get(name) or {}).get("type", "string")), value)
        found[name] = [*found[name], *made] if isinstance(made, list) and name in found else made
    return found


def _pairs(given: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [pair.partition("=") for pair in given]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise InvalidInput.field("parameter", f"{name[:60]!r} has no value; write NAME=VALUE.")
    return [(name, value) for name, _, value in pairs]


def _value(name: str, kind: str, text: str) -> Any:
    match kind:
        case "string_list":
            return [each.strip() for each in text.split(",") if each.strip()]
        case "integer" if text.removeprefix("-").isdecimal() and len(text) < 20:
            return int(text)
        case "boolean" if text.lower() in {"true", "yes", "false", "no"}:
            return text.lower() in {"true", "yes"}
        case "integer" | "boolean":
            wanted = "a whole number" if kind == "integer" else "true or false"
            raise InvalidInput.field(f"parameters.{name}", f"{text[:60]!r} is not {wanted}.")
        case _:
            return text
