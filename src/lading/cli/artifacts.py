"""`lading artifacts`: stored files by their digests; what made them, whether they are whole, what may go."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lading.cli import exits, output
from lading.cli.columns import ARTIFACTS, COLLECTION, CONTENT, CONTENT_FAULTS, INPUTS
from lading.cli.options import Line, connected, into
from lading.cli.progress import downloading
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.wire.artifacts import ContentFault


@click.group()
def command() -> None:
    """
    See stored files by their digests: what made them, whether they are whole, what may go.

    Example: lading artifacts list --export exp_01ke2m0v8ye6h9y3v4n5p6q7r8
    """


@command.command(name="list")
@click.option("--digest", metavar="SHA256", help="Only with this content.")
@click.option("--export", metavar="ID", help="Only of this export.")
@click.option("--media-type", metavar="TYPE", help="Only of this type, such as application/zip.")
@click.option("--created-from", metavar="INSTANT", help="Only published then or later, RFC 3339.")
@click.option("--created-to", metavar="INSTANT", help="Only published before that.")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def list_(line: Line, limit: int, **filters: str | None) -> None:
    """
    List the files that exports hand out, those of the newest export first.

    Example: lading artifacts list --media-type application/zip --limit 10
    """
    with line.client() as client:
        found = list(islice(client.artifacts.list(**filters), limit))
    output.rows(line.form, ARTIFACTS, found)


@command.command()
@click.argument("digest", metavar="SHA256")
@connected
def show(line: Line, digest: str) -> None:
    """
    Show some content: its state, where it is used, and what went into it.

    Example: lading artifacts show 9f2cb1a2d0f54c6e8a7b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081
    """
    with line.client() as client:
        found = client.artifacts.get(digest)
    output.facts(line.form, found, CONTENT)
    if line.is_json or not found.uses:
        return
    output.rows(line.form, ARTIFACTS, [use.published for use in found.uses])
    output.rows(line.form, INPUTS, found.uses[0].inputs)


@command.command()
@click.argument("digest", metavar="SHA256")
@into("Where it goes (./exports).")
@connected
def get(line: Line, digest: str, folder: Path) -> None:
    """
    Download some content by its digest, going on where an earlier download broke.

    The last line on standard output is the path.

    Example: lading artifacts get 9f2cb1a2d0f54c6e8a7b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081
    """
    with line.client() as client:
        content = client.artifacts.get(digest)
        with downloading(digest[:12], stream=sys.stderr, is_json=line.is_json) as arrived:
            path = client.artifacts.download(content, folder, on_bytes=arrived)
    output.document({"path": str(path)}) if line.is_json else click.echo(str(path))


@command.command()
@connected
def verify(line: Line) -> int:
    """
    Let the server read every stored file again, and list those that are missing or damaged.

    Exit code 9 when there are any.  Restore them from a backup; an export of the same content mends them, too.

    Example: lading artifacts verify
    """
    faults: list[ContentFault] = []
    checked = size = 0
    with line.client() as client:
        for found in client.artifacts.verify():
            faults += found.faults
            checked, size = checked + found.checked, size + found.bytes
    if line.is_json:
        output.document({"checked": checked, "bytes": size, "faults": faults})
    else:
        if faults:
            output.rows(line.form, CONTENT_FAULTS, faults)
        output.talk(f"{output.number(checked)} contents read, {output.size(size)}; {len(faults)} are not whole.")
    return exits.DAMAGED if faults else exits.OK


@command.command()
@click.option("--reason", metavar="TEXT", help="Why; needed unless it is a dry run.")
@click.option("--ticket", metavar="TEXT", help="Where it is filed, such as OPS-17.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@connected
def gc(line: Line, reason: str | None, ticket: str | None, dry_run: bool) -> None:
    """
    Delete now what no export points at any more; workers do it every minute anyway.

    What is younger than LADING_ARTIFACT_GRACE_SECONDS stays.

    Example: lading artifacts gc --dry-run
    """
    if not dry_run and not reason:
        raise InvalidInput.field("--reason", "say why, or --dry-run to see what would go.")
    with line.client() as client:
        found = client.artifacts.collect(reason=reason or "", ticket=ticket, dry_run=dry_run)
    output.facts(line.form, found, COLLECTION)
