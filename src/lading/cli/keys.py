"""`lading keys`: mint, list, rotate and revoke the API keys of a tenant."""

from __future__ import annotations

from collections.abc import Sequence

import click

from lading.cli import amounts, output
from lading.cli.columns import KEY, KEYS, MINTED
from lading.cli.options import Line, connected


@click.group()
def command() -> None:
    """
    Mint, list, rotate and revoke the API keys of a tenant.

    An admin of the instance names the tenant by --tenant; the keys of the installation are those of --tenant instance.

    Example: lading keys create --name reporting --role requester
    """


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the keys, newest first, without their secrets.

    Example: lading keys list --tenant nordlys
    """
    with line.client() as client:
        output.rows(line.form, KEYS, list(client.keys.list()))


@command.command()
@click.argument("key_id", metavar="KEY")
@connected
def get(line: Line, key_id: str) -> None:
    """
    Show what a key may, and when it was last used.

    Example: lading keys get key_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.facts(line.form, client.keys.get(key_id), KEY)


@command.command()
@click.option("--name", required=True, help="What the key is for.")
@click.option("--role", required=True, help="viewer, requester, operator, quota, auditor, admin or worker.")
@click.option("--scope", "scopes", multiple=True, metavar="WORD", help="Only this of what its role may; repeat it.")
@click.option("--expires-at", metavar="INSTANT", help="When it ends, RFC 3339; never if none is given.")
@connected
def create(line: Line, *, name: str, role: str, scopes: Sequence[str], expires_at: str | None) -> None:
    """
    Mint a key and print its token, this once.

    Example: lading keys create --name reporting --role requester --scope read --scope export
    """
    with line.client() as client:
        minted = client.keys.create(name=name, role=role, scopes=scopes or None, expires_at=expires_at)
    output.facts(line.form, minted, MINTED)
    output.talk("The token is shown this once; keep it where secrets are kept.")


@command.command()
@click.argument("key_id", metavar="KEY")
@click.option(
    "--overlap", default="1d", show_default=True, metavar="SPAN", help="How long the old key is good; 0 for no time."
)
@connected
def rotate(line: Line, key_id: str, *, overlap: str) -> None:
    """
    Mint a key like another, which ends after the overlap; the new token is printed this once.

    Example: lading keys rotate key_01ke2m0v8ye6h9y3v4n5p6q7r8 --overlap 7d
    """
    kept = 0 if overlap.strip() == "0" else int(amounts.span(overlap, "overlap").total_seconds())
    with line.client() as client:
        minted = client.keys.rotate(key_id, overlap_seconds=kept)
    output.facts(line.form, minted, MINTED)
    output.talk("The token is shown this once; the old key ends after the overlap.")


@command.command()
@click.argument("key_ids", metavar="KEY...", nargs=-1, required=True)
@click.option("--reason", metavar="TEXT", help="Why.")
@connected
def revoke(line: Line, key_ids: tuple[str, ...], *, reason: str | None) -> None:
    """
    Revoke keys from now on; the last by which admins come in is kept (exit code 6).

    Example: lading keys revoke key_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "left on a train"
    """
    with line.client() as client:
        output.rows(line.form, KEYS, [client.keys.revoke(each, reason=reason) for each in key_ids])
