"""`lading bundle`: a span of the ledger as one signed file that anybody verifies without us."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lading.cli import exits, output
from lading.cli.columns import BUNDLE, BUNDLES
from lading.cli.options import Line, connected
from lading.cli.progress import downloading, waiting
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.client import Client

_TIMEOUT = 3600.0


@click.group()
def command() -> None:
    """
    Take a span of the ledger out as one signed file that proves itself.

    Example: lading bundle create --from previous --output june.zip
    """


@command.command()
@click.option("--from", "since", metavar="WHEN", help="Entry, day or instant; or previous: after the last bundle.")
@click.option("--until", metavar="WHEN", help="Entry, day or instant, itself not included; the newest signed head.")
@click.option("--filter", "about", metavar="ID", help="Only what is about this export or job; the bundle is partial.")
@click.option("--with-artifacts", is_flag=True, help="Put in the files of the exports, as far as they are kept.")
@click.option("--with-disclosures", is_flag=True, help="Put in the words that entries commit to, if not erased.")
@click.option(
    "-o", "--output", "target", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Wait, and fetch."
)
@click.option("--timeout", type=float, default=_TIMEOUT, metavar="SECONDS", help="How long to wait (3600).")
@click.option("--idempotency-key", metavar="KEY", help="The same key again follows the same bundle.")
@connected
def create(
    line: Line,
    *,
    since: str | None,
    until: str | None,
    about: str | None,
    with_artifacts: bool,
    with_disclosures: bool,
    target: Path | None,
    timeout: float,
    idempotency_key: str | None,
) -> int:
    """
    Ask for a bundle and print its id; with --output wait for it, fetch it and print its path.

    Without --from and --until it is the whole ledger up to its newest signed head.

    Example: lading bundle create --from 2026-01-01 --until 2026-02-01 --output january.zip
    """
    export, job = _about(about)
    with line.client() as client:
        made = client.bundles.create(
            since=since,
            until=until,
            export=export,
            job=job,
            with_artifacts=with_artifacts,
            with_disclosures=with_disclosures,
            idempotency_key=idempotency_key,
        )
        if target is None:
            output.document(made) if line.is_json else click.echo(made.id)
            return exits.OK
        output.talk(f"{made.id}: entries {output.number(made.start)} to {output.number(made.end)} are being bundled.")
        return _fetch(line, client, made.id, target, timeout=timeout)


@command.command(name="list")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def list_(line: Line, limit: int) -> None:
    """
    List bundles, newest first.

    Example: lading bundle list --limit 10
    """
    with line.client() as client:
        found = list(islice(client.bundles.list(), limit))
    output.rows(line.form, BUNDLES, found)


@command.command()
@click.argument("bundle_id", metavar="ID")
@connected
def get(line: Line, bundle_id: str) -> None:
    """
    Show one bundle.

    Example: lading bundle get exp_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.facts(line.form, client.bundles.get(bundle_id), BUNDLE)


@command.command()
@click.argument("bundle_id", metavar="ID")
@click.option(
    "-o", "--output", "target", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Its own name."
)
@click.option("--timeout", type=float, default=_TIMEOUT, metavar="SECONDS", help="How long to wait for it (3600).")
@connected
def download(line: Line, bundle_id: str, target: Path | None, timeout: float) -> int:
    """
    Download a bundle, going on where an earlier download broke; one that is being made is waited for.

    The last line on standard output is the path.  Check it: lading verify FILE

    Example: lading bundle download exp_01ke2m0v8ye6h9y3v4n5p6q7r8 --output june.zip
    """
    with line.client() as client:
        return _fetch(line, client, bundle_id, target, timeout=timeout)


def _fetch(line: Line, client: Client, bundle_id: str, target: Path | None, *, timeout: float) -> int:
    try:
        with waiting("making the bundle", stream=sys.stderr):
            bundle = client.bundles.result(bundle_id, timeout=timeout)
        name = bundle_id if bundle.file is None else Path(bundle.file.name).name
        with downloading(bundle_id, stream=sys.stderr, is_json=line.is_json) as arrived:
            path = client.bundles.download(bundle, target or Path(name), on_bytes=arrived)
    except KeyboardInterrupt:
        output.tell(f"\nDetached; the bundle is still made. Fetch it: lading bundle download {bundle_id}")
        return exits.INTERRUPTED
    output.document({"bundle": bundle, "path": str(path)}) if line.is_json else click.echo(str(path))
    return exits.OK


def _about(text: str | None) -> tuple[str | None, str | None]:
    """Return the export and the job that --filter names: one of them, or none."""
    match None if text is None else text.partition("_")[0]:
        case None:
            return None, None
        case "exp":
            return text, None
        case "job":
            return None, text
        case _:
            raise InvalidInput.field("--filter", "is the id of an export (exp_…) or of a job (job_…).")
