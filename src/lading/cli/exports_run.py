"""`lading exports run`: the whole way, from the request to a checked package on this disk."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from lading.cli import exits, exports_asking, keeping, output, verdicts
from lading.cli.delivery import deliver
from lading.cli.options import Line, connected, into
from lading.errors import LadingError

_TIMEOUT_SECONDS = 600.0


@click.command()
@exports_asking.options
@into("Where the package goes (./exports).")
@click.option("--timeout", type=float, default=_TIMEOUT_SECONDS, metavar="SECONDS", help="How long to wait (600).")
@click.option("--dry-run", is_flag=True, help="Only say what it comes to and what policies say of it.")
@click.option("--detach", is_flag=True, help="Only ask for it: print its id and end.")
@connected
def command(line: Line, *, folder: Path, timeout: float, detach: bool, dry_run: bool, **given: Any) -> int:
    """
    Ask for an export of PROFILE, follow it, download its package, check it and say what is in it.

    With --type evidence_pack, audit_report or snapshot there need not be a PROFILE.  The last line on standard output
    is the path of the package.  Ctrl-C detaches; the export goes on.

    Example: lading exports run bufdir --period 2025 --parameter activity_types=course_day,home_visit
    """
    began = time.monotonic()
    with line.client() as client:
        if dry_run:
            return verdicts.tell(line, client.policies.check(exports_asking.request(client, **given)))
        request = exports_asking.request(client, **given)
        with keeping.kept(client, request, None if detach else folder, given["idempotency_key"]) as entry:
            submission = keeping.submit(client, request, entry)
            export = submission.export
            if detach:
                output.document(export) if line.is_json else click.echo(export.id)
                entry.finish()
                return exits.OK
            if submission.is_replay:
                output.tell(f"{export.id} was asked for with this key before; following it.")
            try:
                code = deliver(line, client, export.id, folder, timeout=timeout, began=began, stream=sys.stderr)
            except LadingError as error:
                keeping.forget_final(entry, error, was_accepted=True)
                raise
            if code != exits.INTERRUPTED:
                entry.finish()
            return code
