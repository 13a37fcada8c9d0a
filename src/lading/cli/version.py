"""`lading version`: which Lading this is."""

from __future__ import annotations

import click

import lading


@click.command()
def command() -> None:
    """
    Show the version.

    Example: lading version
    """
    click.echo(lading.__version__)
