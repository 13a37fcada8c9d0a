"""`lading tenants`: make tenants and their keys; for the admin of an instance."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.columns import KEYS, MINTED, TENANTS
from lading.cli.options import Line, connected


@click.group()
def command() -> None:
    """
    Make tenants and their keys.

    Example: lading tenants create nordlys --name "Nordlys likepersonforbund"
    """


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the tenants.

    Example: lading tenants list
    """
    with line.client() as client:
        output.rows(line.form, TENANTS, client.tenants.list())


@command.command()
@click.argument("slug")
@click.option("--name", required=True, help="How people call the organisation.")
@connected
def create(line: Line, slug: str, name: str) -> None:
    """
    Make a tenant.

    Example: lading tenants create nordlys --name "Nordlys likepersonforbund"
    """
    with line.client() as client:
        output.facts(line.form, client.tenants.create(slug, name=name), TENANTS)


@command.command()
@click.argument("slug")
@click.option("--name", help="What the key is for; without it the keys are listed.")
@click.option(
    "--role",
    default="operator",
    show_default=True,
    help="viewer, requester, operator, quota, auditor, admin or worker.",
)
@click.option("--expires-at", metavar="INSTANT", help="When it ends, RFC 3339; never if none is given.")
@connected
def key(line: Line, slug: str, name: str | None, role: str, expires_at: str | None) -> None:
    """
    Mint a key, or list the keys of a tenant.

    With --name a key is made and its token printed, this once; without it the keys are listed.

    Example: lading tenants key nordlys --name reporting --role operator
    """
    with line.client() as client:
        if name is None:
            output.rows(line.form, KEYS, client.tenants.keys(slug))
            return
        minted = client.tenants.create_key(slug, name=name, role=role, expires_at=expires_at)
    output.facts(line.form, minted, MINTED)
    output.talk("The token is shown this once; keep it where secrets are kept.")


@command.command()
@click.argument("slug")
@click.argument("key_ids", metavar="KEY...", nargs=-1, required=True)
@connected
def revoke(line: Line, slug: str, key_ids: tuple[str, ...]) -> None:
    """
    Revoke keys of a tenant from now on.

    The admin keys of the installation belong to the tenant `instance`.

    Example: lading tenants revoke instance key_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.rows(line.form, KEYS, [client.tenants.revoke_key(slug, each) for each in key_ids])
