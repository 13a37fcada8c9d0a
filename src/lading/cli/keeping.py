"""What a command asks for is in the journal until it is here: `lading exports recover` finds it after a kill."""

from __future__ import annotations

from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from lading.cli import output
from lading.errors import LadingError, StorageFailed

if TYPE_CHECKING:
    from lading.client import Client
    from lading.client.journal import Entry
    from lading.client.sync.exports import Submission
    from lading.wire.exports import ExportRequest


def kept(client: Client, request: ExportRequest, folder: Path | None, key: str | None) -> Entry:
    """Return the entry of a run; where no journal can be written one that is nowhere, with a word about it."""
    from lading import ids
    from lading.client.batching import asked
    from lading.client.journal import Entry
    from lading.client.journal_lines import Plan

    try:
        return client.exports.keep(request, folder, idempotency_key=key)
    except StorageFailed as error:
        output.talk(f"{error.message} It is asked for without one.")
        plan = Plan(key or ids.show("idm", ids.new()), client.url, None, "", None, time())
        return Entry.unwritten(plan, [asked(request)])


def submit(client: Client, request: ExportRequest, entry: Entry) -> Submission:
    """Ask for it; what the server will never take is not kept."""
    try:
        made = client.exports.submit(request, idempotency_key=entry.plan.key)
    except LadingError as error:
        forget_final(entry, error, was_accepted=False)
        raise
    entry.accepted(0, made.export.id)
    return made


def forget_final(entry: Entry, error: LadingError, *, was_accepted: bool) -> None:
    """Drop the entry if nothing is left to go on with after `error`."""
    from lading.client import recovery

    if recovery.is_final(error, was_accepted=was_accepted):
        entry.finish()
