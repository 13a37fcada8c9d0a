"""
Values that a shell offers when somebody presses Tab: names that the server knows.

A server is asked for a second at most, once, and only when a value of that kind is completed; whatever goes wrong there
ends in no offers, never in a word on the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from lading.cli.options import Line

if TYPE_CHECKING:
    from lading.client import Client

_SECONDS: Final = 1.0
_MOST: Final = 50

Offers = Callable[[click.Context, click.Parameter, str], list[str]]


def profiles(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the names of profiles that begin so."""
    return _offered(context, begun, lambda client: (each.name for each in client.profiles.list()))


def sources(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the names of sources that begin so."""
    return _offered(context, begun, lambda client: (each.name for each in client.sources.list()))


def destinations(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the names of destinations that begin so."""
    return _offered(context, begun, lambda client: (each.name for each in client.destinations.list()))


def schedules(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the names of schedules that begin so."""
    return _offered(context, begun, lambda client: (each.name for each in client.schedules.list()))


def exports(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the ids of the newest exports that begin so."""
    return _offered(context, begun, lambda client: (each.id for each in client.exports.page(limit=_MOST).items))


def _offered(context: click.Context, begun: str, ask: Callable[[Client], Iterable[str]]) -> list[str]:
    given: dict[str, Any] = context.params
    line = Line(given.get("url"), given.get("token_file"), given.get("tenant"), "json")
    try:
        with line.client(most_tries=1, timeout=_SECONDS) as client:
            return [each for each in islice(ask(client), _MOST) if each.startswith(begun) and each.isprintable()]
    except Exception:  # noqa: BLE001 - a shell that completes has no place for any error
        return []
