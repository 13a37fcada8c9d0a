"""
A remote export server as a source: its options as one value, and what they may not say.  Pure and light.

The secret is `client_id:secret` of its identity provider, by reference beside the options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lading.sources.guard import Origin, origin_of
from lading.sources.option import Option
from lading.wire import sharedo

REQUEST_SECONDS: Final = 30
_URL: Final = re.compile(r"https?://[!-~]{1,400}")
_WORD: Final = Option(re.compile(r"[!-~]([ -~]{0,198}[!-~])?"), "must be one line of plain text")

OPTIONS: Final[Mapping[str, Option]] = {
    "url": Option(_URL, "must be a URL such as https://uat.example.org", is_required=True),
    "identity_url": Option(_URL, "must be a URL such as https://identity.example.org", is_required=True),
    "scope": _WORD,
    "user": _WORD,
    "user_provider": _WORD,
    "created_by": _WORD,
    "config_name": _WORD,
    "request_seconds": Option(re.compile(r"[1-9][0-9]{0,2}"), "must be a whole number from 1 to 999"),
    "max_package_bytes": Option(re.compile(r"[1-9][0-9]{0,8}"), "must be a whole number from 1 to 999999999"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One address: where it is, and the path that all requests there begin with."""

    origin: Origin
    base: str

    def __str__(self) -> str:
        """Return it for sentences."""
        return f"{self.origin}{self.base}"


@dataclass(frozen=True, slots=True)
class RemoteSite:
    """One server and its identity provider."""

    server: Place
    identity: Place
    scope: str
    user: str
    user_provider: str
    created_by: str
    config_name: str
    seconds: float
    package_bytes: int

    def __str__(self) -> str:
        """Return where it is, for sentences."""
        return str(self.server)


def parse(options: Mapping[str, str]) -> RemoteSite:
    """Return the value of checked options."""
    return RemoteSite(
        server=_place(options["url"]),
        identity=_place(options["identity_url"]),
        scope=options.get("scope", sharedo.SCOPE),
        user=options.get("user", ""),
        user_provider=options.get("user_provider", ""),
        created_by=options.get("created_by", ""),
        config_name=options.get("config_name", sharedo.CONFIG_NAME),
        seconds=float(options.get("request_seconds", REQUEST_SECONDS)),
        package_bytes=int(options.get("max_package_bytes", sharedo.PACKAGE_BYTES)),
    )


def faults(options: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with options that are each of their form."""
    for name in ("url", "identity_url"):
        url = options[name]
        if origin_of(url) is None or "?" in url or "#" in url or {".", ".."} & set(_path(url).split("/")):
            yield f"{name} must be a URL such as https://uat.example.org, without user, query, fragment and dots"
    if "user_provider" in options and "user" not in options:
        yield "user_provider goes with user"


def _place(url: str) -> Place:
    origin = origin_of(url.rstrip("/"))
    assert origin is not None, "the form of the option says so"
    return Place(origin, _path(url))


def _path(url: str) -> str:
    rest = url.partition("://")[2].rstrip("/")
    return "/" + rest.partition("/")[2] if "/" in rest else ""
