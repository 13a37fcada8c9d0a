"""`lading sources`: register, change, test and delete the systems rows come from."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from lading.cli import completing, exits, output
from lading.cli.asking import delete_setting, deletion
from lading.cli.columns import CHECKS, SOURCES
from lading.cli.documents import read
from lading.cli.editing import edit_setting, edition
from lading.cli.options import Line, connected
from lading.errors import InvalidInput

_KINDS = "postgresql, mysql, sqlite, duckdb, files, objects, http, remote."


@click.group()
def command() -> None:
    """
    Register, change, test and delete the sources of rows.

    Example: lading sources test activities
    """


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@connected
def apply(line: Line, file: Path) -> None:
    """
    Register the source in FILE (YAML or JSON).

    Credentials are references such as env:NAME or file:/path, never the secret itself.
    The fields: name, kind, credentials_ref, attachments_ref, timeout_seconds, options.

    Example: lading sources apply activities.yaml
    """
    from lading.wire.sources import SourceRequest

    document = read(file)
    name = document.pop("name", None)
    known = [each.name for each in fields(SourceRequest)]
    unknown = sorted(set(document) - set(known))
    if not isinstance(name, str) or unknown:
        odd = f"has an unknown field {unknown[0]!r}" if unknown else "needs a name"
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
@click.argument("name", shell_complete=completing.sources)
@connected
def get(line: Line, name: str) -> None:
    """
    Show one source.

    Example: lading sources get activities
    """
    with line.client() as client:
        output.facts(line.form, client.sources.get(name), SOURCES)


@command.command()
@click.argument("name", shell_complete=completing.sources)
@click.option("--kind", default="postgresql", metavar="KIND", help=_KINDS)
@click.option("--credentials", metavar="REF", help="Where its secret is: env:, file:, systemd: or kubernetes:.")
@click.option("--path", metavar="PATH", help="sqlite, duckdb: the file.  files: the folder.")
@click.option("--bucket", metavar="NAME", help="objects: the bucket.")
@click.option("--prefix", metavar="TEXT", help="objects: only keys that begin so.")
@click.option("--endpoint", metavar="URL", help="objects: the server, when it is not AWS.")
@click.option("--region", metavar="NAME", help="objects: the bucket's region.")
@click.option(
    "--base-url", metavar="URL", help="http, remote: where every request begins, such as https://api.example.org/v1."
)
@click.option("--header", multiple=True, metavar="LINE", help="http: a header to send, such as 'Accept-Language: nb'.")
@click.option(
    "--option", multiple=True, metavar="NAME=VALUE", help="Any other option of the kind, such as pages=cursor."
)
@click.option("--attachments", metavar="REF", help="Where its papers are: file:/directory.")
@click.option("--timeout-seconds", type=click.IntRange(1, 86400), default=600, metavar="N", help="Per query (600).")
@click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only over this version.")
@connected
def put(
    line: Line,
    name: str,
    *,
    kind: str,
    credentials: str | None,
    base_url: str | None,
    header: tuple[str, ...],
    option: tuple[str, ...],
    attachments: str | None,
    timeout_seconds: int,
    if_version: int | None,
    **places: str | None,
) -> None:
    """
    Register a source or replace its settings; docs/how-to/sources.md has each kind.

    Example: lading sources put members --kind sqlite --path /srv/members.db
    """
    from lading.wire.sources import SourceRequest

    given = {**places, "url": base_url, "headers": "\n".join(header) or None, **_pairs(option)}
    options = {name: value for name, value in given.items() if value is not None}
    request = SourceRequest(credentials, kind, attachments, timeout_seconds, options)
    with line.client() as client:
        output.facts(line.form, client.sources.apply(name, request, version=if_version), SOURCES)


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not name or not sign:
            raise InvalidInput.field("--option", f"{each!r} must read NAME=VALUE, such as pages=cursor.")
        pairs[name] = value
    return pairs


@command.command()
@click.argument("name", shell_complete=completing.sources)
@edition
@connected
def edit(line: Line, name: str, **given: Any) -> None:
    """
    Change a part of a source; what is not named stays as it is, what is cleared is set back.

    Example: lading sources edit activities --set timeout_seconds=90 --set options.path=/srv/new.db --if-version 3
    """
    edit_setting(line, name, lambda client: client.sources, SOURCES, **given)


@command.command()
@click.argument("name", shell_complete=completing.sources)
@deletion
@connected
def delete(line: Line, name: str, **given: Any) -> None:
    """
    Remove a source that no active profile reads and no live job calls; exit code 6 says who still does.

    Example: lading sources delete activities --reason "moved to another system" --ticket OPS-17
    """
    delete_setting(line, "source", name, lambda client: client.sources, **given)


@command.command()
@click.argument("name", shell_complete=completing.sources)
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
