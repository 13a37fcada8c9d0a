"""`lading members`: invite, list, change and remove the people of a tenant."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.asking import confirm, grounds
from lading.cli.columns import MEMBER, MEMBERS
from lading.cli.options import Line, connected


@click.group()
def command() -> None:
    """
    Invite, list, change and remove the people of a tenant.

    People come by an identity provider: see lading identity-providers.

    Example: lading members add kari@nordlys.example --role operator
    """


@command.command(name="list")
@click.option("--removed", is_flag=True, help="Those who were removed, instead of all others.")
@connected
def list_(line: Line, *, removed: bool) -> None:
    """
    List the people of a tenant, newest first.

    Example: lading members list
    """
    with line.client() as client:
        output.rows(line.form, MEMBERS, list(client.members.list(removed=removed)))


@command.command()
@click.argument("member_id", metavar="MEMBER")
@connected
def get(line: Line, member_id: str) -> None:
    """
    Show one member.

    Example: lading members get mem_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.facts(line.form, client.members.get(member_id), MEMBER)


@command.command()
@click.argument("email", required=False)
@click.option("--role", required=True, help="viewer, requester, operator, quota, auditor, admin or worker.")
@click.option("--issuer", metavar="URL", help="With --subject: the provider that knows the person.")
@click.option("--subject", metavar="TEXT", help="With --issuer: what the provider calls them (`sub`).")
@click.option("--name", metavar="TEXT", help="How you call them.")
@connected
def add(line: Line, email: str | None, *, role: str, issuer: str | None, subject: str | None, name: str | None) -> None:
    """
    Invite a person by e-mail, or name one by issuer and subject; no message is sent.

    Example: lading members add kari@nordlys.example --role operator
    """
    with line.client() as client:
        added = client.members.add(role=role, email=email, issuer=issuer, subject=subject, name=name)
    output.facts(line.form, added, MEMBER)


@command.command()
@click.argument("member_id", metavar="MEMBER")
@click.option("--role", required=True, help="viewer, requester, operator, quota, auditor, admin or worker.")
@click.option("--name", metavar="TEXT", help="How you call them.")
@click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only this version.")
@connected
def change(line: Line, member_id: str, *, role: str, name: str | None, if_version: int | None) -> None:
    """
    Give a member another role and name.

    Example: lading members change mem_01ke2m0v8ye6h9y3v4n5p6q7r8 --role auditor
    """
    with line.client() as client:
        changed = client.members.change(member_id, role=role, name=name, version=if_version)
    output.facts(line.form, changed, MEMBER)


@command.command()
@click.argument("member_id", metavar="MEMBER")
@click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only this version.")
@grounds
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
def remove(line: Line, member_id: str, *, if_version: int | None, reason: str, ticket: str | None, yes: bool) -> None:
    """
    Let a person in no more, from their next request on.

    Example: lading members remove mem_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "has left" --ticket HR-4
    """
    confirm(f"Remove member {output.plain(member_id)}?", yes=yes)
    with line.client() as client:
        client.members.remove(member_id, reason=reason, ticket=ticket, version=if_version)
    output.talk(f"Member {output.plain(member_id)} is removed.")
    if line.is_json:
        output.document({"removed": member_id})
