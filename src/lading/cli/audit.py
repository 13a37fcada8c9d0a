"""`lading audit`: what an auditor runs on a machine of their own."""

from __future__ import annotations

import click

from lading.cli.lazy import LazyGroup

_COMMANDS = {
    "watch": ("lading.cli.audit_watch", "Remember signed heads and find out when a ledger is rewritten."),
}


@click.group(cls=LazyGroup, modules=_COMMANDS)
def command() -> None:
    """
    Watch a ledger from outside.

    Example: lading audit watch --url https://exports.example.org --state ./seen
    """
