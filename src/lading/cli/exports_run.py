"""`lading exports run`: the whole way, from the request to a checked package on this disk."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lading.cli import choices, exits, output, periods
from lading.cli.delivery import deliver
from lading.cli.options import Line, connected, into

if TYPE_CHECKING:
    from lading.client import Client
    from lading.client.sync.exports import Submission

_TIMEOUT_SECONDS = 600.0


@click.command()
@click.argument("profile")
@click.option(
    "--period", required=True, metavar="PERIOD", help="2025, 2025-H1, 2025-Q2, 2025-03 or 2025-01-01..2025-06-30."
)
@click.option(
    "--format",
    "format_",
    metavar="FORMAT",
    help="csv, tsv, xlsx, json, ndjson, parquet, xml or pdf; the profile's default if none is given.",
)
@click.option("--revision", type=int, metavar="N", help="Revision of the profile; the active one if none is given.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="Repeat it; lists with commas.")
@click.option("--attachments", is_flag=True, help="Put the attachments into the package.")
@click.option("--destination", "destinations", multiple=True, metavar="NAME", help="Deliver it there; repeat it.")
@click.option("--encrypt-to", multiple=True, metavar="KEY", help="Public key (age1… or ssh-ed25519 …); repeat it.")
@into("Where the package goes (./exports).")
@click.option("--timeout", type=float, default=_TIMEOUT_SECONDS, metavar="SECONDS", help="How long to wait (600).")
@click.option("--idempotency-key", metavar="KEY", help="The same key again follows the same export.")
@click.option("--detach", is_flag=True, help="Only ask for it: print its id and end.")
@connected
def command(
    line: Line,
    *,
    profile: str,
    period: str,
    format_: str | None,
    revision: int | None,
    parameters: Sequence[str],
    attachments: bool,
    destinations: Sequence[str],
    encrypt_to: Sequence[str],
    folder: Path,
    timeout: float,
    idempotency_key: str | None,
    detach: bool,
) -> int:
    """
    Ask for an export of PROFILE, follow it, download its package, check it and say what is in it.

    The last line on standard output is the path of the package.  Ctrl-C detaches; the export goes on.

    Example: lading exports run bufdir --period 2025 --parameter activity_types=course_day,home_visit
    """
    began = time.monotonic()
    with line.client() as client:
        asked = {
            "profile": profile,
            "period": dict(zip(("from", "to"), periods.parse(period), strict=True)),
            "format": format_,
            "revision": revision,
            "parameters": choices.of_revision(client, profile, revision, parameters),
            "include_attachments": attachments,
            "destinations": list(destinations) or None,
            "encrypt_to": list(encrypt_to) or None,
        }
        submission = _submit(client, asked, idempotency_key)
        export = submission.export
        if detach:
            output.document(export) if line.is_json else click.echo(export.id)
            return exits.OK
        if submission.is_replay:
            output.talk(f"{export.id} was asked for with this key before; following it.")
        return deliver(line, client, export.id, folder, timeout=timeout, began=began, stream=sys.stderr)


def _submit(client: Client, asked: dict[str, Any], idempotency_key: str | None) -> Submission:
    from lading.wire.exports import ExportRequest

    return client.exports.submit(ExportRequest(**asked), idempotency_key=idempotency_key)
