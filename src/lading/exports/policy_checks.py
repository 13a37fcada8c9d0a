"""
What makes a policy document wrong: its JSON Schema, and the claims a schema cannot make.

`check` collects every fault before it raises, each with a JSON pointer and, for a document that came from text, the
line.  Meaning belongs to `exports/policy`, which calls this first and may then trust the document's shape.
"""

from __future__ import annotations

import json
import zoneinfo
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, Final

from jsonschema import Draft202012Validator

from lading.errors import FieldError, PolicyInvalid
from lading.exports import wording
from lading.exports.wording import Fault

_SCHEMA: Final[dict[str, Any]] = json.loads(
    resources.files(__package__ or "").joinpath("policy.schema.json").read_text("utf-8")
)
_VALIDATOR: Final = Draft202012Validator(_SCHEMA)
_SELECTS: Final = frozenset({"rule", "reason", "roles", "when"})
DEMANDS: Final = tuple(name for name in _SCHEMA["$defs"]["rule"]["properties"] if name not in _SELECTS)
"""What a rule may demand, in the order of the schema."""


def check(document: Mapping[str, Any]) -> None:
    """Raise PolicyInvalid with every fault of `document`, or return."""
    if errors := faults_of(document):
        first = f"{errors[0].pointer[1:].replace('/', '.') or 'policy'}: {errors[0].detail}"
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise PolicyInvalid(first + more, errors[: wording.MAX_FAULTS])


def faults_of(document: Mapping[str, Any]) -> tuple[FieldError, ...]:
    """Return every fault of `document`, in the order of the text if it came from one, else of its paths."""
    faults = wording.unreadable(document, what="a policy") or wording.of_schema(_VALIDATOR, document)
    if not faults:
        faults = [*_zone(document), *_codes(document), *_demands(document)]
    return wording.told(document, faults, code=PolicyInvalid.code)


def _zone(document: Mapping[str, Any]) -> Iterator[Fault]:
    name = document.get("timezone", "UTC")
    # The set, not a try to load it: names with dots or a lead slash reach for files.
    if name not in zoneinfo.available_timezones():
        yield ("timezone",), f"{name[:60]!r} is no IANA time zone; write one like Europe/Oslo"


def _codes(document: Mapping[str, Any]) -> Iterator[Fault]:
    seen = set[str]()
    for place, rule in enumerate(document["rules"]):
        if rule["rule"] in seen:
            yield ("rules", place, "rule"), f"{rule['rule']!r} names two rules; a refusal must tell which one it was"
        seen.add(rule["rule"])


def _demands(document: Mapping[str, Any]) -> Iterator[Fault]:
    for place, rule in enumerate(document["rules"]):
        if not rule.keys() & set(DEMANDS):
            yield ("rules", place), f"demands nothing; add one of {', '.join(DEMANDS)}"
        for name, choice in rule.get("parameters", {}).items():
            least, most = choice.get("at_least"), choice.get("at_most")
            if least is not None and most is not None and least > most:
                yield ("rules", place, "parameters", name, "at_most"), "is below at_least, so that nothing fits"
