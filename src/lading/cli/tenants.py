"""`lading tenants`: add, rename, suspend and reactivate tenants; for the admin of an instance."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.asking import confirm, grounds
from lading.cli.columns import TENANTS
from lading.cli.options import Line, connected


@click.group()
def command() -> None:
    """
    Add, rename, suspend and reactivate tenants.

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
        output.rows(line.form, TENANTS, list(client.tenants.list()))


@command.command()
@click.argument("slug")
@connected
def get(line: Line, slug: str) -> None:
    """
    Show one tenant.

    Example: lading tenants get nordlys
    """
    with line.client() as client:
        output.facts(line.form, client.tenants.get(slug), TENANTS)


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
@click.option("--name", required=True, help="How people call the organisation from now on.")
@click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only this version.")
@connected
def rename(line: Line, slug: str, *, name: str, if_version: int | None) -> None:
    """
    Give a tenant another name; its slug stays.

    Example: lading tenants rename nordlys --name "Nordlys"
    """
    with line.client() as client:
        output.facts(line.form, client.tenants.rename(slug, name, version=if_version), TENANTS)


@command.command()
@click.argument("slug")
@grounds
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
def suspend(line: Line, slug: str, *, reason: str, ticket: str | None, yes: bool) -> None:
    """
    Let nobody of a tenant in and start none of its jobs; nothing is deleted.

    Example: lading tenants suspend nordlys --reason "contract ended" --ticket OPS-17
    """
    confirm(f"Suspend tenant {output.plain(slug)}?", yes=yes)
    with line.client() as client:
        output.facts(line.form, client.tenants.suspend(slug, reason=reason, ticket=ticket), TENANTS)


@command.command()
@click.argument("slug")
@grounds
@connected
def reactivate(line: Line, slug: str, *, reason: str, ticket: str | None) -> None:
    """
    Let those of a suspended tenant in again.

    Example: lading tenants reactivate nordlys --reason "contract renewed"
    """
    with line.client() as client:
        output.facts(line.form, client.tenants.reactivate(slug, reason=reason, ticket=ticket), TENANTS)
