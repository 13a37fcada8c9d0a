"""
Where the server is and who asks: arguments first, then the environment, then a server on this machine.

A token travels in a header only; a URL that carries a login is refused, so that none can be shown or logged.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lading.errors import InvalidInput

DEFAULT_URL: Final = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Target:
    """One server, one principal; `tenant` is the slug an instance admin acts for, None for a tenant's own key."""

    url: str = DEFAULT_URL
    token: str | None = field(default=None, repr=False)
    tenant: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the server is reached without TLS."""
        return self.url.startswith("http://")

    def headers(self) -> dict[str, str]:
        """Return the headers of every request."""
        found: dict[str, str] = {}
        if self.token:
            found["Authorization"] = f"Bearer {self.token}"
        if self.tenant:
            found["Lading-Tenant"] = self.tenant
        return found


def find(
    *,
    url: str | None = None,
    token: str | None = None,
    tenant: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Target:
    """
    Return the target; what is not given comes from LADING_URL, LADING_TOKEN and LADING_TENANT.

    >>> find(tenant="nordlys", environment={"LADING_URL": "https://lading.example.org/"})
    Target(url='https://lading.example.org', tenant='nordlys')
    """
    return Target(
        _checked(url or environment.get("LADING_URL") or DEFAULT_URL),
        _header("token", token or environment.get("LADING_TOKEN")),
        _header("tenant", tenant or environment.get("LADING_TENANT")),
    )


def home_folder(name: str) -> Path:
    """
    Return the folder `name` of the user, one that nobody can make where a user has no home: who needs it says so then.

    >>> home_folder(".cache").is_absolute()
    True
    """
    try:
        return Path.home() / name
    except RuntimeError:
        return Path("/nonexistent") / name


def with_token(target: Target, token: str | None) -> Target:
    """Return the target as it is asked with `token`; without one, the target itself."""
    found = _header("token", token)
    return target if found is None else replace(target, token=found)


def _header(name: str, value: str | None) -> str | None:
    stripped = (value or "").strip()
    if not stripped.isascii() or not stripped.isprintable():
        raise InvalidInput.field(name, "holds characters that no HTTP header can carry; copy it again.")
    return stripped or None


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_http = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_http = False
        parts = urlsplit("")
    if parts.username or parts.password:
        raise InvalidInput.field("url", "holds a login; put the token into LADING_TOKEN instead.")
    if not is_http or parts.query or parts.fragment:
        raise InvalidInput.field("url", f"{url[:100]!r} is not a server; write http(s)://host:port.")
    return url.rstrip("/")
