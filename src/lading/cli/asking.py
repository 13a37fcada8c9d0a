"""What is asked before something is done, and why it is done: `confirm`, and the options --reason and --ticket."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from lading.errors import InvalidInput


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
