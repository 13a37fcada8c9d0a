"""
What `edit` commands share: a part of a setting is changed (RFC 7396), with --if-version only of the version one saw.

Which field is meant is said by --set, --clear or a document; the server puts it into what stands there at that moment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from lading.cli import output
from lading.cli.documents import read
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.cli.options import Line
    from lading.client import Client

_MOST_DEPTH: Final = 8
_TEXTS: Final = "options"  # a source's and a destination's are texts, also one that looks like a number


class _Settings(Protocol):
    """The part of a client that changes settings of one kind."""

    def patch(self, name: str, changes: dict[str, Any], /, *, version: int | None) -> Any: ...


def edition(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command what `changes` takes, and --if-version."""
    for option in (
        click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only this version."),
        click.option(
            "--file",
            type=click.Path(path_type=Path, allow_dash=True),
            metavar="FILE",
            help="A merge patch, YAML or JSON.",
        ),
        click.option("--clear", "cleared", multiple=True, metavar="FIELD", help="Set it back; repeat it."),
        click.option(
            "--set",
            "given",
            multiple=True,
            metavar="FIELD=VALUE",
            help="Such as timeout_seconds=90 or options.path=/srv/x.db; repeat it.",
        ),
    ):
        function = option(function)
    return function


def edit_setting(
    line: Line,
    name: str,
    place: Callable[[Client], _Settings],
    columns: Mapping[str, str],
    *,
    given: Sequence[str],
    cleared: Sequence[str],
    file: Path | None,
    if_version: int | None,
) -> None:
    """Change a part of what is called `name` where `place` says it is, and show what stands then."""
    patch = changes(given, cleared, file)
    with line.client() as client:
        output.facts(line.form, place(client).patch(name, patch, version=if_version), columns)


def changes(given: Sequence[str], cleared: Sequence[str], file: Path | None) -> dict[str, Any]:
    """
    Return the merge patch that was asked for; dots go into nested fields.

    What reads as JSON is that (90, true, ["a"], "90" in quotes), all else is text; below `options` all is:

    >>> changes(["timeout_seconds=90", "options.path=/srv/x.db", "types=[1]"], ["prefix"], None)
    {'timeout_seconds': 90, 'options': {'path': '/srv/x.db'}, 'types': [1], 'prefix': None}
    """
    found: dict[str, Any] = {} if file is None else dict(read(file))
    for each in given:
        path, sign, text = each.partition("=")
        if not sign:
            raise InvalidInput.field("--set", f"{each[:60]!r} must read FIELD=VALUE, such as timeout_seconds=90.")
        _put(found, path, text if path.partition(".")[0] == _TEXTS else _value(text))
    for path in cleared:
        _put(found, path, None)
    if not found:
        raise InvalidInput("There is nothing to change; say it by --set, --clear or --file.")
    return found


def _put(found: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    if not all((*above, last)) or len(above) > _MOST_DEPTH:
        raise InvalidInput.field("--set", f"{path[:60]!r} is no name of a field, such as options.path.")
    for name in above:
        inner = found.setdefault(name, {})
        if not isinstance(inner, dict):
            raise InvalidInput.field("--set", f"{path[:60]!r} lies in {name!r}, which is set as a whole.")
        found = inner
    found[last] = value


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
