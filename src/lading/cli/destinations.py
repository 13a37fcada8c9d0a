"""`lading destinations`: register, change, test and delete the places packages are delivered to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from lading.cli import completing, exits, output
from lading.cli.asking import delete_setting, deletion
from lading.cli.columns import CHECKS, DESTINATIONS
from lading.cli.editing import edit_setting, edition
from lading.cli.options import Line, connected

_OPTIONS = {"receiver": "url"}


@click.group()
def command() -> None:
    """
    Register, change, test and delete the places packages are delivered to.

    Example: lading destinations test archive
    """


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the destinations.

    Example: lading destinations list
    """
    with line.client() as client:
        output.rows(line.form, DESTINATIONS, client.destinations.list())


@command.command()
@click.argument("name", shell_complete=completing.destinations)
@connected
def get(line: Line, name: str) -> None:
    """
    Show one destination.

    Example: lading destinations get archive
    """
    with line.client() as client:
        output.facts(line.form, client.destinations.get(name), DESTINATIONS)


@command.command()
@click.argument("name", shell_complete=completing.destinations)
@click.option("--kind", required=True, metavar="KIND", help="directory, s3, gcs, azure or webhook.")
@click.option("--path", metavar="PATH", help="directory: the folder, below one the operator allows.")
@click.option("--bucket", metavar="NAME", help="s3, gcs: the bucket.")
@click.option("--account", metavar="NAME", help="azure: the storage account.")
@click.option("--container", metavar="NAME", help="azure: the container.")
@click.option("--prefix", metavar="TEXT", help="s3, gcs, azure: what every name begins with.")
@click.option("--endpoint", metavar="URL", help="s3, gcs, azure: the server, when not the provider's own.")
@click.option("--region", metavar="NAME", help="s3: the bucket's region.")
@click.option("--checksums", metavar="WORD", help="s3: sha256 or none (sha256 at AWS, else none).")
@click.option("--receiver", metavar="URL", help="webhook: where packages are handed over.")
@click.option("--method", metavar="WORD", help="webhook: PUT below the receiver or POST to it (PUT).")
@click.option("--header", metavar="NAME", help="webhook: where its token is shown (Authorization).")
@click.option("--verify", metavar="WORD", help="How it is checked there: etag, md5, read or none, by kind.")
@click.option("--credentials", metavar="REF", help="Where its secret is: env:, file:, systemd: or kubernetes:.")
@click.option("--object-name", metavar="TEXT", help="What packages are called ({profile}/{export}/{file}).")
@click.option("--overwrite", is_flag=True, help="Replace other content under the same name.")
@click.option("--encrypt-to", multiple=True, metavar="KEY", help="Public key (age1… or ssh-ed25519 …); repeat it.")
@click.option("--timeout-seconds", type=click.IntRange(1, 3600), default=60, metavar="N", help="Per answer (60).")
@click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only over this version.")
@connected
def put(
    line: Line,
    name: str,
    *,
    kind: str,
    credentials: str | None,
    object_name: str | None,
    overwrite: bool,
    encrypt_to: Sequence[str],
    timeout_seconds: int,
    if_version: int | None,
    **places: str | None,
) -> None:
    """
    Register a destination or replace its settings; docs/how-to/destinations.md has each kind.

    Example: lading destinations put archive --kind directory --path /srv/deliveries/archive
    """
    from lading.wire.destinations import DestinationRequest

    request = DestinationRequest(
        kind=kind,
        # `--url` is where Lading is.
        options={_OPTIONS.get(each, each): value for each, value in places.items() if value is not None},
        credentials_ref=credentials,
        overwrite=overwrite,
        encrypt_to=list(encrypt_to),
        timeout_seconds=timeout_seconds,
        **({} if object_name is None else {"object_name": object_name}),
    )
    with line.client() as client:
        output.facts(line.form, client.destinations.put(name, request, version=if_version), DESTINATIONS)


@command.command()
@click.argument("name", shell_complete=completing.destinations)
@edition
@connected
def edit(line: Line, name: str, **given: Any) -> None:
    """
    Change a part of a destination; what is not named stays as it is, what is cleared is set back.

    Example: lading destinations edit archive --set overwrite=true --clear credentials_ref --if-version 3
    """
    edit_setting(line, name, lambda client: client.destinations, DESTINATIONS, **given)


@command.command()
@click.argument("name", shell_complete=completing.destinations)
@deletion
@connected
def delete(line: Line, name: str, **given: Any) -> None:
    """
    Remove a destination that nothing is on its way to; exit code 6 says what still is.

    Example: lading destinations delete archive --reason "moved to another system" --ticket OPS-17
    """
    delete_setting(line, "destination", name, lambda client: client.destinations, **given)


@command.command()
@click.argument("name", shell_complete=completing.destinations)
@connected
def test(line: Line, name: str) -> int:
    """
    Try to write to a destination and say what was found; exit code 11 when something is not as it must be.

    Example: lading destinations test archive
    """
    with line.client() as client:
        report = client.destinations.test(name)
    if line.is_json:
        output.document(report)
    else:
        output.rows(line.form, CHECKS, report.checks)
    return exits.OK if report.ok else exits.UNFIT
