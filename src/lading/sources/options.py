"""
What the options of a source may say, for each kind; decided from values alone.

Adding a kind is one line here and one in `connectors.py`.  An option is a place, never a secret: secrets are
references beside them (`credentials_ref`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from lading.errors import InvalidInput
from lading.sources import http_options, http_site, remote_site
from lading.sources.option import Option

# No NUL and no half of a surrogate pair: neither can be a name of a file, nor be stored.
_ABSOLUTE: Final = re.compile(r"/[^\0\ud800-\udfff]{1,400}")
_FILE: Final = Option(_ABSOLUTE, "must be the absolute path of the database's file", is_required=True)
_FOLDER: Final = Option(_ABSOLUTE, "must be the absolute path of the folder the files lie in", is_required=True)
BUCKET: Final = Option(
    re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "must be the name of a bucket, such as acme-activities",
    is_required=True,
)
PREFIX: Final = Option(re.compile(r"[^\0/\ud800-\udfff][^\0\ud800-\udfff]{0,400}"), "must not begin with a slash")
ENDPOINT: Final = Option(
    re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,200}/?"), "must be a URL such as https://s3.example.org"
)
REGION: Final = Option(re.compile(r"[a-z0-9-]{1,40}"), "must be a region such as eu-north-1")

OPTIONS: Final[Mapping[str, Mapping[str, Option]]] = {
    "postgresql": {},
    "mysql": {},
    "sqlite": {"path": _FILE},
    "duckdb": {"path": _FILE},
    "files": {"path": _FOLDER},
    "objects": {"bucket": BUCKET, "prefix": PREFIX, "endpoint": ENDPOINT, "region": REGION},
    "http": http_options.OPTIONS,
    "remote": remote_site.OPTIONS,
}
# What options that are each of their form may not say together.
_TOGETHER: Final = {"http": http_site.faults, "remote": remote_site.faults}
KINDS: Final = tuple(OPTIONS)


def check_options(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the options of a source of `kind`; InvalidInput names the first that is missing, unknown or odd.

    >>> check_options("postgresql", {})
    {}
    """
    checked = check_against(kind, OPTIONS[kind], options)
    for fault in _TOGETHER.get(kind, lambda _: ())(checked):
        raise InvalidInput.field("options", fault)
    return checked


def check_against(kind: str, known: Mapping[str, Option], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of `options` in the order of `known`; InvalidInput names the first that is missing or odd."""
    for name, value in options.items():
        option = known.get(name)
        if option is None:
            shown = ", ".join(known) or "none"
            raise InvalidInput.field("options", f"has no {name[:40]!r} for kind {kind}; it has: {shown}")
        if not isinstance(value, str) or not option.form.fullmatch(value):
            raise InvalidInput.field("options", f"{name} {option.sentence}")
    for name, option in known.items():
        if option.is_required and name not in options:
            raise InvalidInput.field("options", f"{name} {option.sentence}")
    return {name: options[name] for name in known if name in options}
