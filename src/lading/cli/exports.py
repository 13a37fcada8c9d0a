"""`lading exports`: one lazy group, the commands are in the modules beside it."""

from __future__ import annotations

import click

from lading.cli.lazy import LazyGroup

_COMMANDS = {
    "create": ("lading.cli.exports_create", "Ask for an export and print its id."),
    "run": ("lading.cli.exports_run", "Ask for an export, follow it, download and check its package."),
    "batch": ("lading.cli.exports_batch", "Ask for many exports at once, follow and download them."),
    "recover": ("lading.cli.exports_recover", "Go on with what was killed or cut off."),
    "wait": ("lading.cli.exports_wait", "Follow an export until it ends."),
    "get": ("lading.cli.exports_get", "Show one export."),
    "list": ("lading.cli.exports_list", "List exports, newest first."),
    "download": ("lading.cli.exports_download", "Download the package of an export, or one file of it."),
    "cancel": ("lading.cli.exports_cancel", "Stop a pending or running export."),
    "retry": ("lading.cli.exports_retry", "Let a failed export go on where it stopped."),
    "approve": ("lading.cli.exports_approve", "Let an export run that waits for a second person."),
    "reject": ("lading.cli.exports_reject", "Refuse an export that waits for a second person."),
    "deliveries": ("lading.cli.exports_deliveries", "List where the package of an export is delivered."),
    "redeliver": ("lading.cli.exports_redeliver", "Bring a package to a destination once more."),
    "delete": ("lading.cli.exports_delete", "Delete the files of an ended export."),
    "history": ("lading.cli.exports_history", "Show what the ledger says of an export."),
}


@click.group(cls=LazyGroup, modules=_COMMANDS)
def command() -> None:
    """
    Ask for exports, follow, fetch and manage them.

    Example: lading exports run bufdir --period 2025 --format xlsx
    """
