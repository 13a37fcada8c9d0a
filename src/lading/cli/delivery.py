"""From an export that was accepted to a checked package on this disk: follow, download, verify, tell."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lading.cli import exits, output
from lading.cli.checking import default_trust
from lading.cli.options import Line
from lading.cli.progress import fetch, follow
from lading.cli.summary import print_summary

if TYPE_CHECKING:
    from lading.client import Client
    from lading.wire.exports import Export


def deliver(
    line: Line,
    client: Client,
    export_id: str,
    folder: Path,
    *,
    timeout: float | None,
    began: float,
    stream: TextIO,
) -> int:
    """Bring the package of an export to `folder`, check it and print what it holds; return the exit code."""
    from lading.client import polling

    try:
        export = polling.completed(follow(client, export_id, timeout=timeout, stream=stream, is_json=line.is_json))
        path = fetch(client, export, folder / export_id, stream=stream, is_json=line.is_json)
    except KeyboardInterrupt:
        again = f"lading exports download {export_id} --wait --output {shlex.quote(str(folder))}"
        output.tell(f"\nDetached; {export_id} goes on. Follow it: lading exports wait {export_id}\nFetch it: {again}")
        return exits.INTERRUPTED
    return check_and_tell(line, client, export, path, began=began)


def check_and_tell(line: Line, client: Client, export: Export, path: Path, *, began: float) -> int:
    """
    Verify the package at `path` and print the summary, or JSON; return the exit code.

    Without a trust file on this machine the signer is not judged: the package came from the server that was asked.
    """
    from lading.artifacts.verify import verify

    trust = default_trust()
    if export.encrypt_to:
        return _tell_encrypted(line, client, export, path, began=began)
    report = verify(path, trust)
    sealed = client.exports.sealed(export.id)
    elapsed = time.monotonic() - began
    if line.is_json:
        facts = {"export": sealed, "path": str(path), "signer": report.signer, "is_pinned": report.is_pinned}
        output.document({**facts, "elapsed_seconds": round(elapsed, 3)})
    else:
        print_summary(sealed, path, elapsed)
    if trust is not None and not report.is_pinned:
        output.tell(f"The package is whole, but signed by {report.signer}, which the trust file does not have.")
        return exits.NOT_PINNED
    return exits.OK


def _tell_encrypted(line: Line, client: Client, export: Export, path: Path, *, began: float) -> int:
    """Print the summary of a package that only its recipients can look into, and how they do."""
    sealed = client.exports.sealed(export.id)
    elapsed = time.monotonic() - began
    if line.is_json:
        facts = {"export": sealed, "path": str(path), "signer": None, "is_pinned": None}
        output.document({**facts, "elapsed_seconds": round(elapsed, 3)})
        return exits.OK
    print_summary(sealed, path, elapsed)
    output.talk(
        f"It is encrypted to {len(export.encrypt_to)} keys. Check it with one of them: "
        f"lading verify {shlex.quote(str(path))} --identity KEY"
    )
    return exits.OK
