"""
What will go: since when it is deprecated, when it ends and what to use instead, said once, where it is declared.

On a route (`api.routing.deprecated`) it becomes the headers Deprecation (RFC 9745), Sunset (RFC 8594) and Link of every
answer and `deprecated` in the OpenAPI document; as metadata of a field of a wire type (`Annotated`) it becomes
`deprecated` of that property.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Deprecation:
    """`since` and `sunset` are instants in UTC; `instead` is the path or field to use, `about` a page that explains."""

    since: datetime
    instead: str
    sunset: datetime | None = None
    about: str | None = None

    def __post_init__(self) -> None:
        """Refuse what the headers could not say."""
        ends = self.sunset
        if self.since.tzinfo is not UTC or (ends is not None and (ends.tzinfo is not UTC or ends < self.since)):
            raise ValueError("a deprecation begins and ends at instants of UTC, and ends after it began")

    def headers(self) -> Sequence[tuple[str, str]]:
        """
        Return what every answer says.

        >>> gone = Deprecation(datetime(2026, 11, 1, tzinfo=UTC), "/api/v1/keys", datetime(2027, 5, 1, tzinfo=UTC))
        >>> for name, value in gone.headers(): print(f"{name}: {value}")
        Deprecation: @1793491200
        Sunset: Sat, 01 May 2027 00:00:00 GMT
        Link: </api/v1/keys>; rel="successor-version"
        """
        told = [("Deprecation", f"@{int(self.since.timestamp())}")]
        if self.sunset is not None:
            told.append(("Sunset", format_datetime(self.sunset, usegmt=True)))
        links = [f'<{self.instead}>; rel="successor-version"'] if self.instead.startswith("/") else []
        if self.about is not None:
            links.append(f'<{self.about}>; rel="deprecation"; type="text/html"')
        return [*told, ("Link", ", ".join(links))] if links else told

    def sentence(self) -> str:
        """
        Return what the document says.

        >>> Deprecation(datetime(2026, 11, 1, tzinfo=UTC), "`zone`").sentence()
        'Deprecated since 2026-11-01: use `zone`.'
        """
        ends = "" if self.sunset is None else f", gone from {self.sunset.date()} on"
        return f"Deprecated since {self.since.date()}{ends}: use {self.instead}."

    def __get_pydantic_json_schema__(self, core: Any, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Return the schema of the field that carries this."""
        schema = dict(handler(core))
        said = f"{schema['description']} {self.sentence()}" if "description" in schema else self.sentence()
        return {**schema, "deprecated": True, "description": said}
