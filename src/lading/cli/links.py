"""`lading links`: give a file to somebody without a key, for a while."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.asking import confirm, grounds
from lading.cli.columns import LINK
from lading.cli.options import Line, connected


@click.group()
def command() -> None:
    """
    Make links by which a file can be had without a key, and take them all back.

    Example: lading links make exp_01ke2m0v8ye6h9y3v4n5p6q7r8 --hours 2
    """


@command.command()
@click.argument("export_id", metavar="ID")
@click.option("--file", "name", metavar="NAME", help="One file of the export (its package).")
@click.option("--hours", type=click.FloatRange(0.01, 24), default=24.0, metavar="N", help="How long it lasts (24).")
@connected
def make(line: Line, export_id: str, *, name: str | None, hours: float) -> None:
    """
    Make a link to the package of an export, or to one file of it; whoever has the link can have the file.

    It ends with its time, with the export, with the key or member it was made by, or by `lading links revoke`.

    Example: lading links make exp_01ke2m0v8ye6h9y3v4n5p6q7r8 --hours 2
    """
    with line.client() as client:
        made = client.exports.link(export_id, name=name, seconds=max(1, round(hours * 3600)))
    output.facts(line.form, made, LINK)


@command.command()
@grounds
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
def revoke(line: Line, *, reason: str, ticket: str | None, yes: bool) -> None:
    """
    Make every link of the installation useless at once; for its admins.

    Example: lading links revoke --reason "a link was posted in public" --ticket SEC-4
    """
    confirm("Make every link of this installation useless?", yes=yes)
    with line.client() as client:
        client.exports.revoke_links(reason=reason, ticket=ticket)
    output.talk("Every link is useless now.")
    if line.is_json:
        output.document({"revoked": True})
