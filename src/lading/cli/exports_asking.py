"""What may be asked of an export on the command line, of a profile or of a type that needs none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from lading.cli import choices, completing, periods

if TYPE_CHECKING:
    from lading.client import Client
    from lading.client.sync.exports import Submission
    from lading.wire.exports import ExportRequest

_DELTA: Final = "delta"
_OPTIONS: Final[Sequence[Callable[[Callable[..., Any]], Callable[..., Any]]]] = (
    click.argument("profile", required=False, shell_complete=completing.profiles),
    click.option("--period", metavar="PERIOD", help="2025, 2025-H1, 2025-Q2, 2025-03 or 2025-01-01..2025-06-30."),
    click.option(
        "--format",
        "format_",
        metavar="FORMAT",
        help="csv, tsv, xlsx, json, ndjson, parquet, xml or pdf; the profile's default if none is given.",
    ),
    click.option("--revision", type=int, metavar="N", help="Revision of the profile; the active one if none is given."),
    click.option(
        "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="Repeat it; lists with commas."
    ),
    click.option("--attachments", is_flag=True, help="Put the attachments into the package."),
    click.option("--type", "type_", metavar="TYPE", help="The profile's own, evidence_pack, audit_report or snapshot."),
    click.option("--export", "exports", multiple=True, metavar="ID", help="Evidence pack: of this export; repeat it."),
    click.option("--as-of", metavar="INSTANT", help="What was recorded by then (2026-01-31T12:00:00Z); now."),
    click.option(
        "--source",
        metavar="NAME",
        shell_complete=completing.sources,
        help="Snapshot: the database that has the tables.",
    ),
    click.option(
        "--table", "tables", multiple=True, metavar="TABLE", help="Snapshot: table or schema.table; repeat it."
    ),
    click.option("--base", metavar="ID", help="Only what was added, changed or removed since this export."),
    click.option(
        "--destination",
        "destinations",
        multiple=True,
        metavar="NAME",
        shell_complete=completing.destinations,
        help="Deliver it there; repeat it.",
    ),
    click.option("--encrypt-to", multiple=True, metavar="KEY", help="Public key (age1… or ssh-ed25519 …); repeat it."),
    click.option("--idempotency-key", metavar="KEY", help="The same key again follows the same export."),
)


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command PROFILE and everything that `submit` takes."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def submit(client: Client, *, idempotency_key: str | None, **given: Any) -> Submission:
    """Ask for the export."""
    return client.exports.submit(request(client, **given), idempotency_key=idempotency_key)


def request(
    client: Client,
    *,
    profile: str | None,
    period: str | None,
    format_: str | None,
    revision: int | None,
    parameters: Sequence[str],
    attachments: bool,
    type_: str | None,
    exports: Sequence[str],
    as_of: str | None,
    source: str | None,
    tables: Sequence[str],
    base: str | None,
    destinations: Sequence[str],
    encrypt_to: Sequence[str],
    **_: Any,
) -> ExportRequest:
    """Return what is asked for; a profile's needs a period, a type without a profile what the server says."""
    from lading.wire.exports import ExportRequest

    if type_ is None and profile is None:
        raise click.UsageError("Missing argument 'PROFILE', or the option '--type'.")
    if type_ is None and period is None:
        raise click.UsageError("Missing option '--period'.")
    return ExportRequest(
        profile=profile,
        period=None if period is None else dict(zip(("from", "to"), periods.parse(period), strict=True)),
        format=format_,
        revision=revision,
        parameters=choices.of_revision(client, profile, revision, parameters) if profile else {},
        include_attachments=attachments,
        type=type_,
        exports=list(exports),
        as_of=as_of,
        source=source,
        tables=list(tables),
        variant=None if base is None else _DELTA,
        base=base,
        destinations=list(destinations) or None,
        encrypt_to=list(encrypt_to) or None,
    )
