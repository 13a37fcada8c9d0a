"""`lading sources`: register and test the systems rows come from."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from lading.cli import exits, output
from lading.cli.columns import CHECKS, SOURCES
from lading.cli.documents import read
from lading.cli.options import Line, connected
from lading.errors import InvalidInput


@click.group()
def command() -> None:
    """
    Register and test the sources of rows.

    Example: lading sources test activities
    """


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@connected
def apply(line: Line, file: Path) -> None:
    """
    Register the source in FILE (YAML or JSON).

    Credentials are references such as env:NAME or file:/path, never the secret itself.
    The fields: name, kind, credentials_ref, attachments_ref, timeout_seconds.

    Example: lading sources apply activities.yaml
    """
    from lading.wire.sources import SourceRequest

    document = read(file)
    name = document.pop("name", None)
    known = [each.name for each in fields(SourceRequest)]
    unknown = sorted(set(document) - set(known))
    if not isinstance(name, str) or unknown or "credentials_ref" not in document:
        odd = f"has an unknown field {unknown[0]!r}" if unknown else "needs name and credentials_ref"
        raise InvalidInput(f"{file} {odd}; the fields are name, {', '.join(known)}.")
    with line.client() as client:
        output.facts(line.form, client.sources.apply(name, SourceRequest(**document)), SOURCES)


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the sources.

    Example: lading sources list
    """
    with line.client() as client:
        output.rows(line.form, SOURCES, client.sources.list())


@command.command()
@click.argument("name")
@connected
def test(line: Line, name: str) -> int:
    """
    Log in to a source and say what was found; exit code 11 when something is not as it must be.

    Example: lading sources test activities
    """
    with line.client() as client:
        report = client.sources.test(name)
    if line.is_json:
        output.document(report)
    else:
        output.rows(line.form, CHECKS, report.checks)
    return exits.OK if report.ok else exits.UNFIT
