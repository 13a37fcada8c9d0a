"""
Entries of a ledger as values: one canonical line each, read strictly and fast.

A line is `{"actor":{"id","kind"},"at","data","rev","sd","subject","tenant","type","v"}` in this order and nothing else;
`sd`, the commitments to words that can be erased, is there only where there are some.
Types that this verifier does not know are entries all the same: a ledger may tell of more than is folded here.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from lading_verify import encoding

MAX_BYTES: Final = 65_535
_COMMITMENT_BYTES: Final = 32
_AT: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
_SUBJECT: Final = r"[a-z][a-z0-9]*_[A-Za-z0-9._:-]{1,120}|[a-z_]+:[A-Za-z0-9._:/*-]{1,200}"
_TYPE: Final = r"[a-z_]{1,40}\.[a-z_]{1,40}"
_TENANT: Final = r"ten_[0-9a-z]{26}"
# Every entry of today has this form, and then only `data` needs a parser; the rest is read the long way.
_COMMON: Final = re.compile(
    r'\{"actor":\{"id":"[A-Za-z0-9._:@/-]{1,200}","kind":"[a-z]{1,20}"\},"at":"(' + _AT + r')","data":(\{.*\}),'
    r'"rev":(null|[1-9][0-9]{0,14}),"subject":"(' + _SUBJECT + r')","tenant":"(' + _TENANT + r')",'
    r'"type":"(' + _TYPE + r')","v":1\}'
).fullmatch  # fmt: skip
_FIELDS: Final = {"actor", "at", "data", "rev", "subject", "tenant", "type", "v"}
_FORMS: Final = {
    "at": re.compile(_AT),
    "subject": re.compile(_SUBJECT),
    "tenant": re.compile(_TENANT),
    "type": re.compile(_TYPE),
}


class Entry(NamedTuple):
    """One event in the life of `subject`; `rev` is its version after the change, where it has one."""

    type: str
    subject: str
    rev: int | None
    at: str
    tenant: str
    data: dict[str, Any]


class NoEntry(ValueError):
    """A line that is no entry; `field` is the one at fault, "" where it is the whole line."""

    def __init__(self, why: str, field: str = "") -> None:
        super().__init__(why)
        self.field = field


def parse(line: bytes) -> Entry:
    """Return the entry that `line` (without its newline) is; NoEntry unless it is one in canonical form."""
    if len(line) > MAX_BYTES:
        raise NoEntry(f"it has more than {MAX_BYTES} bytes")
    try:
        found = _COMMON(line.decode("ascii"))
    except UnicodeDecodeError:
        found = None
    if found is None:
        return _parse_any(line)
    at, data, rev, subject, tenant, kind = found.groups()
    try:
        told = encoding.decode_text(data)
    except ValueError as error:
        raise NoEntry(str(error), "data") from None
    return Entry(kind, subject, None if rev == "null" else int(rev), at, tenant, told)


def _is_digest(value: object) -> bool:
    try:
        return isinstance(value, str) and len(encoding.from_base64(value)) == _COMMITMENT_BYTES
    except ValueError:
        return False


def _parse_any(line: bytes) -> Entry:
    try:
        told = encoding.decode(line)
    except ValueError as error:
        raise NoEntry(str(error)) from None
    if not isinstance(told, dict) or told.keys() - {"sd"} != _FIELDS:
        raise NoEntry("it does not have the fields of an entry")
    if type(told["v"]) is not int or told["v"] != 1:
        raise NoEntry("this verifier reads version 1 of entries", "v")
    for field, form in _FORMS.items():
        if not isinstance(told[field], str) or not form.fullmatch(told[field]):
            raise NoEntry("it is not written as one", field)
    committed = told.get("sd")
    if "sd" in told and not (isinstance(committed, dict) and committed and all(map(_is_digest, committed.values()))):
        raise NoEntry("it is not a commitment for each path", "sd")
    actor, rev = told["actor"], told["rev"]
    if not isinstance(actor, dict) or actor.keys() != {"id", "kind"}:
        raise NoEntry("it is not an id and a kind", "actor")
    if not all(isinstance(each, str) for each in actor.values()):
        raise NoEntry("it is not an id and a kind", "actor")
    if not isinstance(told["data"], dict):
        raise NoEntry("it is not an object", "data")
    if rev is not None and (type(rev) is not int or rev < 1):
        raise NoEntry("it is not a version", "rev")
    return Entry(told["type"], told["subject"], rev, told["at"], told["tenant"], told["data"])
