"""`lading ledger`: read and check the ledger of a tenant."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import click

from lading.cli import checking, exits, output
from lading.cli.columns import EXTRACT, HISTORY, LEDGER_REPORT, RECEIPT
from lading.cli.ledger_local import adopt_restore, selfcheck
from lading.cli.ledger_prove import check_proof, prove
from lading.cli.ledger_tiles import tiles
from lading.cli.options import Line, connected
from lading.errors import DownloadFailed, InvalidInput


@click.group()
def command() -> None:
    """
    Read and check the ledger of a tenant.

    Example: lading ledger verify --trust trust.json
    """


for each in (prove, check_proof, tiles, selfcheck, adopt_restore):
    command.add_command(each)


@command.command()
@click.option("--trust", "trust_file", type=click.Path(path_type=Path), metavar="FILE", help="Keys to believe.")
@connected
def verify(line: Line, trust_file: Path | None) -> int:
    """
    Recompute the ledger from its entries, here.

    Fetches every entry and the signed head, recomputes the tree, and checks that the head signs its root.

    The keys that are believed: --trust, else LADING_TRUST, else keys/trust.json in LADING_DATA_DIR or ./.lading; with
    none of them those the server names, and exit code 10.

    Example: lading ledger verify --tenant nordlys --trust trust.json
    """
    from lading.ledger.merkle import Frontier
    from lading.ledger.offline import verify_lines
    from lading.ledger.trust import Trust

    pinned = checking.load(trust_file) if trust_file else checking.default_trust()
    with line.client() as client:
        trust = pinned or Trust.parse(client.ledger.trust())
        head = client.ledger.head()
        pruned = max(0, head.min_index - head.base)
        start = Frontier(pruned, tuple(bytes.fromhex(each) for each in client.proofs.frontier(pruned).hashes))
        lines = client.ledger.lines(first=head.base + pruned, until=head.base + head.size)
        report = verify_lines(lines, head.note, trust, start=start)
    output.facts(line.form, report, LEDGER_REPORT)
    if pruned:
        output.talk(f"The first {output.number(pruned)} entries were pruned; the root proves that they were these.")
    output.talk(
        f"Checked: {output.number(report.size - pruned)} entries in order give the root that the head names, "
        "and the head's signature holds."
    )
    if pinned is not None:
        return exits.OK
    output.talk("But the key came from the server itself. Pin it: lading ledger trust > trust.json")
    return exits.NOT_PINNED


@command.command()
@click.argument("export_id", metavar="ID")
@connected
def show(line: Line, export_id: str) -> None:
    """
    Show the ledger's entries about an export.

    Below them: where its completion stands in the signed tree.

    Example: lading ledger show exp_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        export, entries = client.exports.get(export_id), client.exports.history(export_id)
    if line.is_json:
        output.document({"entries": list(entries), "receipt": export.receipt})
        return
    output.history(line.form, entries, HISTORY)
    if export.receipt is not None:
        click.echo("")
        output.facts(line.form, export.receipt, RECEIPT)


@command.command()
@click.option("--from", "start", required=True, metavar="INSTANT", help="Entries of this instant or later.")
@click.option(
    "--to", "end", required=True, metavar="INSTANT", help="Entries before this instant, a minute ago at least."
)
@click.option("--format", type=click.Choice(["ndjson", "json", "csv"]), default="ndjson", help="ndjson.")
@click.option("--output", "target", type=click.Path(path_type=Path), required=True, metavar="FILE", help="Where to.")
@connected
def export(line: Line, *, start: str, end: str, format: str, target: Path) -> int:  # noqa: A002 - the option's name
    """
    Write the entries of a span of time to a file, and its manifest beside it.

    The manifest has count and SHA-256 of what was written, compared with what the server says of it.

    Example: lading ledger export --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z --output january.ndjson
    """
    import hashlib

    hashed, size = hashlib.sha256(), 0
    beside = target.with_name(f"{target.name}.manifest.json")
    with line.client() as client, unfinished(target) as sink:
        for chunk in client.ledger.extract(start, end, format=format):
            hashed.update(chunk)
            size += sink.write(chunk)
        manifest = client.ledger.extract_manifest(start, end, format=format)
        if (manifest.bytes, manifest.sha256) != (size, hashed.hexdigest()):
            raise DownloadFailed("What arrived is not what the server says that it sent; nothing was kept. Try again.")
    with unfinished(beside) as sink:
        sink.write(json.dumps(asdict(manifest), indent=2).encode() + b"\n")
    output.facts(line.form, manifest, EXTRACT)
    output.talk(f"Written: {output.plain(str(target))} and {output.plain(beside.name)}.")
    return exits.OK


@contextmanager
def unfinished(target: Path) -> Generator[BinaryIO]:
    """Open a file that gets the name `target` when the block ends well, and is removed otherwise."""
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as sink:
            yield sink
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InvalidInput.field(
            "--output", f"{target} can't be written ({error.strerror}); choose another."
        ) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@command.command()
@connected
def trust(line: Line) -> None:
    """
    Print the public keys of the instance.

    Compare them by another way before you believe them.

    Example: lading ledger trust > trust.json
    """
    with line.client() as client:
        click.echo(client.ledger.trust(), nl=False)


@command.command()
@connected
def keyring(line: Line) -> None:
    """
    Print what became of the signing keys of the instance, each statement signed by the key before.

    Example: lading ledger keyring > keyring.json
    """
    with line.client() as client:
        click.echo(client.ledger.keyring(), nl=False)
