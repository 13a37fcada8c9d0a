"""`lading identity-providers`: whose signed tokens let people into a tenant, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from lading.cli import output
from lading.cli.asking import delete_setting, deletion
from lading.cli.columns import PROVIDERS
from lading.cli.options import Line, connected
from lading.errors import InvalidInput


@click.group()
def command() -> None:
    """
    Say whose signed tokens let people into a tenant, and as what.

    Example: lading identity-providers put staff --issuer https://id.nordlys.example --audience lading
    """


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the identity providers.

    Example: lading identity-providers list
    """
    with line.client() as client:
        output.rows(line.form, PROVIDERS, client.identity_providers.list())


@command.command()
@click.argument("name")
@connected
def get(line: Line, name: str) -> None:
    """
    Show one identity provider.

    Example: lading identity-providers get staff
    """
    with line.client() as client:
        output.facts(line.form, client.identity_providers.get(name), PROVIDERS)


@command.command()
@click.argument("name")
@click.option("--issuer", required=True, metavar="URL", help="What tokens have as `iss`.")
@click.option("--audience", required=True, metavar="TEXT", help="What tokens must have in `aud`.")
@click.option("--require", multiple=True, metavar="CLAIM=VALUE", help="What tokens must say; repeat it.")
@click.option("--role", "roles", multiple=True, metavar="CLAIM=VALUE:ROLE", help="Who gets which role; repeat it.")
@click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only over this version.")
@connected
def put(
    line: Line,
    name: str,
    *,
    issuer: str,
    audience: str,
    require: Sequence[str],
    roles: Sequence[str],
    if_version: int | None,
) -> None:
    """
    Believe the tokens of an OpenID provider, or change what they give.

    Example: lading identity-providers put staff --issuer https://id.nordlys.example --audience lading
    """
    from lading.wire.tenants import RoleRule

    rules: list[RoleRule] = []
    for each in roles:
        pair, colon, role = each.rpartition(":")
        claim, value = _pair("--role", pair if colon else each)
        rules.append(RoleRule(claim, value, role))
    with line.client() as client:
        stands = client.identity_providers.put(
            name,
            issuer=issuer,
            audience=audience,
            require=dict(_pair("--require", each) for each in require),
            roles=rules,
            version=if_version,
        )
    output.facts(line.form, stands, PROVIDERS)


@command.command()
@click.argument("name")
@deletion
@connected
def delete(line: Line, name: str, **given: Any) -> None:
    """
    Believe a provider no more: its tokens let nobody in from the next request on.

    Example: lading identity-providers delete staff --reason "moved to another provider"
    """
    delete_setting(line, "identity provider", name, lambda client: client.identity_providers, **given)


def _pair(option: str, text: str) -> tuple[str, str]:
    claim, equals, value = text.partition("=")
    if not (claim and equals and value):
        raise InvalidInput.field(option, f"write CLAIM=VALUE, not {text[:60]!r}.")
    return claim, value
