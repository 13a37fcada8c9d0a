"""`lading exports batch`: many exports at once, from a file or for each value of a parameter."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lading.cli import batch_files, choices, exits, output, periods
from lading.cli.batch_items import Report
from lading.cli.documents import text_of
from lading.cli.options import Line, connected, into
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.client import Client
    from lading.wire.exports import ExportRequest


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--profile", metavar="NAME", help="Without FILE: one export of it for each value of --each.")
@click.option("--period", metavar="PERIOD", help="Without FILE: 2025, 2025-H1, 2025-Q2, 2025-03 or a span.")
@click.option("--format", "format_", metavar="FORMAT", help="Without FILE: as for `exports run`.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="Without FILE: for all of them.")
@click.option("--each", "each", multiple=True, metavar="NAME=A,B,…", help="Without FILE: one export for each value.")
@into("Where the packages go (./exports), each below a folder named after its export.")
@click.option("--concurrency", type=click.IntRange(1, 10), default=5, metavar="N", help="How many at once (5).")
@click.option("--timeout", type=float, default=600.0, metavar="SECONDS", help="How long to wait for each (600).")
@click.option("--fail-fast", is_flag=True, help="Ask for nothing more after the first failure.")
@click.option("--no-download", is_flag=True, help="Only ask and follow; fetch nothing.")
@connected
def command(
    line: Line,
    *,
    file: Path | None,
    folder: Path,
    concurrency: int,
    timeout: float,
    fail_fast: bool,
    no_download: bool,
    **given: Any,
) -> int:
    """
    Ask for the exports in FILE (- reads standard input), follow them and download their packages.

    FILE is CSV (by its name: .csv) with columns such as profile, period, format and parameter.NAME, a JSON list, or
    one JSON object on each line.  Begun again with the same requests after a kill or a failure it goes on where it
    was.  Exit code 20 when one failed, 21 when one only did not end in time.

    Example: lading exports batch --profile bufdir --period 2025 --each organisation=Nordlys,Fjord
    """
    with line.client() as client:
        requests = _of_file(client, file) if file is not None else _of_options(client, **given)
        if file is not None and any(given.values()):
            raise click.UsageError("FILE says what is asked for; leave out --profile, --period, --format and the like.")
        report = Report(sys.stderr, total=len(requests), form=line.form)
        try:
            with report:
                result = client.exports.batch(
                    requests,
                    concurrency=concurrency,
                    folder=None if no_download else folder,
                    fail_fast=fail_fast,
                    timeout=timeout,
                    on_item=report.ended,
                    on_progress=report.moved,
                )
        except KeyboardInterrupt:
            again = shlex.join(["lading", "exports", "batch", *([str(file)] if file else ["…"])])
            output.talk(f"\nDetached; what was asked for goes on. Go on with: {again}, or: lading exports recover")
            return exits.INTERRUPTED
        return report.tell(result)


def _of_file(client: Client, file: Path) -> list[ExportRequest]:
    text = text_of(file, most_bytes=batch_files.MOST_BYTES)
    is_csv = file.suffix.lower() == ".csv" or (str(file) == "-" and text.lstrip()[:1] not in {"[", "{"})
    made = batch_files.parse(text, is_csv=is_csv)
    return _typed(client, made) if is_csv else made


def _of_options(
    client: Client,
    *,
    profile: str | None,
    period: str | None,
    format_: str | None,
    parameters: Sequence[str],
    each: Sequence[str],
) -> list[ExportRequest]:
    from lading.wire.exports import ExportRequest

    if profile is None or period is None or not each:
        raise click.UsageError("Give a FILE, or --profile, --period and --each NAME=A,B,….")
    request = ExportRequest(
        profile=profile,
        period=dict(zip(("from", "to"), periods.parse(period), strict=True)),
        format=format_,
        parameters=dict(_pair(pair) for pair in parameters),
    )
    values = {name: [part.strip() for part in value.split(",") if part.strip()] for name, value in map(_pair, each)}
    for name, found in values.items():
        if not found:
            raise InvalidInput(f"--each {name} has no values; write {name}=A,B,….")
    return _typed(client, batch_files.product(request, values))


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise InvalidInput(f"{text[:60]!r} has no value; write NAME=VALUE.")
    return name, value


def _typed(client: Client, requests: list[ExportRequest]) -> list[ExportRequest]:
    """Return the requests with their parameters typed as their profiles declare them; a profile is read once."""
    documents: dict[tuple[str, int | None], Any] = {}
    made: list[ExportRequest] = []
    for request in requests:
        if request.profile is None or not request.parameters:
            made.append(request)
            continue
        which = (request.profile, request.revision)
        if which not in documents:
            documents[which] = client.profiles.get(request.profile, revision=request.revision).document
        given = [f"{name}={_commas(documents[which], name, value)}" for name, value in request.parameters.items()]
        made.append(replace(request, parameters=choices.typed(documents[which], given)))
    return made


def _commas(document: Any, name: str, value: str) -> str:
    declared = (document.get("parameters") or {}).get(name) or {}
    return value.replace(";", ",") if declared.get("type") == "string_list" else value
