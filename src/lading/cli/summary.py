"""What an export came to: rows, warnings, files, ledger and time for a person, the path for a program."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lading.cli import exits, output

if TYPE_CHECKING:
    from lading.wire.exports import Export

_SHOWN_FILES: Final = 6
_SHOWN_WARNINGS: Final = 10
_MANIFEST_BYTES: Final = 64 << 20
_WIDE: Final = 104


def print_summary(export: Export, package_path: Path, elapsed_seconds: float) -> None:
    """Write the summary to standard error and, as the last line on standard output, the path of the package."""
    for line in summary(export, package_path, elapsed_seconds, width=_width()):
        click.echo(line, err=True, color=exits.colour())
    sys.stderr.flush()
    click.echo(str(package_path))


def summary(export: Export, package_path: Path, elapsed_seconds: float, *, width: int) -> list[str]:
    """Return the lines of the summary; digests are cut when they don't fit into `width`."""
    tick = click.style("✓", fg="green", bold=True)
    lines = [f"{tick} {export.id} completed in {_seconds(elapsed_seconds)}", ""]
    lines += _fact("tenant", output.plain(export.tenant))
    lines += _fact("profile", f"{output.plain(export.profile)}, revision {export.revision}, {export.format}")
    lines += _fact("period", f"{export.period.get('from')} to {export.period.get('to')}")
    lines += _fact("rows", *_rows(export))
    lines += _fact("warnings", *_warnings(export))
    lines += _fact("files", *_files(export, package_path, width))
    lines += _fact("ledger", *_ledger(export, width))
    return [*lines, ""]


def _fact(name: str, *values: str) -> list[str]:
    return [f"  {click.style(f'{label:<9}', dim=True)} {value}" for label, value in _labelled(name, values)]


def _labelled(name: str, values: Sequence[str]) -> list[tuple[str, str]]:
    return [(name if index == 0 else "", value) for index, value in enumerate(values)]


def _rows(export: Export) -> list[str]:
    rows = export.rows
    if rows is None:
        return []
    parts = [f"{output.number(rows.read)} read, {output.number(rows.written)} written"]
    parts += [f"{output.number(rows.quarantined)} quarantined"] if rows.quarantined else []
    parts += [f"{output.number(rows.duplicate)} duplicate"] if rows.duplicate else []
    return [", ".join(parts)]


def _warnings(export: Export) -> list[str]:
    shown = [click.style(output.plain(each.message), fg="yellow") for each in export.warnings[:_SHOWN_WARNINGS]]
    more = len(export.warnings) - len(shown)
    return [*shown, f"and {more} more: lading exports get {export.id} --json"] if more > 0 else shown or ["none"]


def _files(export: Export, package_path: Path, width: int) -> list[str]:
    inside = _listed(package_path)
    attachments = [each for each in inside if each["name"].startswith("attachments/")]
    others = [each for each in inside if not each["name"].startswith("attachments/")]
    told = [(each["name"], each["size"], each["sha256"]) for each in others[:_SHOWN_FILES]]
    if attachments:
        total = sum(each["size"] for each in attachments)
        told.append((f"attachments/ ({output.number(len(attachments))} files)", total, ""))
    package = next((each for each in export.artifacts if each.media_type == "application/zip"), None)
    if package is not None:
        told.append((package.name, package.size, package.sha256))
    names = max((len(name) for name, _, _ in told), default=0)
    return [
        f"{output.plain(name):<{names}}  {output.size(count):>8}  {_digest(sha256, width - names - 24)}".rstrip()
        for name, count, sha256 in told
    ]


def _listed(package_path: Path) -> list[dict[str, Any]]:
    """Return the files of the manifest; the package was verified before, this only reads what to show."""
    try:
        with zipfile.ZipFile(package_path) as package, package.open("manifest.json") as file:
            found = json.loads(file.read(_MANIFEST_BYTES))["files"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return []
    return [{"name": str(each["name"]), "size": int(each["size"]), "sha256": str(each["sha256"])} for each in found]


def _ledger(export: Export, width: int) -> list[str]:
    receipt = export.receipt
    if receipt is None:
        return [f"not sealed yet: lading ledger show {export.id}"]
    root = _digest(receipt.root_sha256, width - 42)
    return [f"entry {output.number(receipt.index)} of {output.number(receipt.tree_size)}, root {root}"]


def _digest(sha256: str, room: int) -> str:
    return sha256 if room >= len(sha256) else f"{sha256[:12]}…" if sha256 else ""


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stderr.isatty() else _WIDE


def _seconds(elapsed: float) -> str:
    if elapsed < 60:
        return f"{elapsed:.1f} s"
    minutes, seconds = divmod(round(elapsed), 60)
    return f"{minutes} min {seconds} s"
