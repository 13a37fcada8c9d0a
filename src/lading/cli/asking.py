"""What is asked before something is done or removed, and why: `confirm`, --reason and --ticket, `delete_setting`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import click

from lading.cli import output
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.cli.options import Line
    from lading.client import Client


class _Settings(Protocol):
    """The part of a client that removes settings of one kind."""

    def delete(self, name: str, /, *, reason: str, ticket: str | None, version: int | None) -> None: ...


def confirm(question: str, *, yes: bool) -> None:
    """Return if the person agrees, or did by --yes; refuse when nobody is there to be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput("This asks first, and nobody is there to answer; say --yes.")
    click.confirm(question, abort=True, err=True)


def grounds(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --reason, which it takes, and --ticket."""
    ticket = click.option("--ticket", metavar="TEXT", help="Where it is filed, such as OPS-17.")
    reason = click.option("--reason", required=True, metavar="TEXT", help="Why.")
    return reason(ticket(function))


def deletion(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command what `delete_setting` takes: --if-version, --reason, --ticket and --yes."""
    version = click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only this version.")
    return version(grounds(click.option("--yes", is_flag=True, help="Do not ask.")(function)))


def delete_setting(
    line: Line,
    what: str,
    name: str,
    place: Callable[[Client], _Settings],
    *,
    also: str = "",
    if_version: int | None,
    reason: str,
    ticket: str | None,
    yes: bool,
) -> None:
    """Ask, remove the `what` called `name` from where `place` says it is, and tell it."""
    confirm(f"Delete {what} {output.plain(name)}{also}?", yes=yes)
    with line.client() as client:
        place(client).delete(name, reason=reason, ticket=ticket, version=if_version)
    output.talk(f"{what.capitalize()} {output.plain(name)} is deleted.")
    if line.is_json:
        output.document({"deleted": name})
