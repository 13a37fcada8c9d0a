"""`lading profiles`: store, show and activate what exports are made of."""

from __future__ import annotations

from pathlib import Path

import click

from lading.cli import output
from lading.cli.columns import PROFILE, PROFILES, REVISIONS
from lading.cli.documents import read, told_by_line
from lading.cli.options import Line, connected
from lading.errors import InvalidInput


@click.group()
def command() -> None:
    """
    Store, show and activate profiles.

    Example: lading profiles apply bufdir.yaml --activate
    """


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--activate", is_flag=True, help="Let exports use it from now on.")
@connected
def apply(line: Line, file: Path, activate: bool) -> None:
    """
    Store the profile in FILE as a revision.

    FILE is YAML or JSON; the same document again changes nothing.

    Example: lading profiles apply bufdir.yaml --activate --tenant nordlys
    """
    document = read(file)
    name = document.get("profile")
    if not isinstance(name, str):
        raise InvalidInput.field("profile", f"is missing in {file}; add the name of the profile.")
    with line.client() as client, told_by_line(document):
        output.facts(line.form, client.profiles.apply(name, document, activate=activate), PROFILE)


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the profiles.

    Example: lading profiles list
    """
    with line.client() as client:
        output.rows(line.form, PROFILES, client.profiles.list())


@command.command()
@click.argument("name")
@click.option("--revision", type=int, metavar="N", help="This one instead of the active one.")
@click.option("--revisions", is_flag=True, help="List the revisions instead.")
@connected
def show(line: Line, name: str, revision: int | None, revisions: bool) -> None:
    """
    Print the document of a profile as JSON.

    Example: lading profiles show bufdir --revision 2 > bufdir.json
    """
    with line.client() as client:
        if revisions:
            output.rows(line.form, REVISIONS, client.profiles.revisions(name))
            return
        found = client.profiles.get(name, revision=revision)
    output.document(found if line.is_json else found.document)


@command.command()
@click.argument("name")
@click.argument("revision", type=int)
@connected
def activate(line: Line, name: str, revision: int) -> None:
    """
    Let exports use a revision from now on.

    Example: lading profiles activate bufdir 2
    """
    with line.client() as client:
        client.profiles.activate(name, revision)
        output.facts(line.form, client.profiles.get(name), PROFILE)
