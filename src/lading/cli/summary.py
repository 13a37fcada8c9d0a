"""What an export came to: rows, warnings, files, ledger and time for a person, the path for a program."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lading.cli import output

if TYPE_CHECKING:
    from lading.wire.exports import Export

_SHOWN_FILES: Final = 6
_SHOWN_WARNINGS: Final = 10
_MANIFEST_BYTES: Final = 64 << 20
_INDENT: Final = 12
_SIZE_WIDTH: Final = 8
_UNBOUNDED: Final = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """One file as it is shown."""

    name: str
    size: int
    sha256: str


def print_summary(export: Export, package_path: Path, elapsed_seconds: float) -> None:
    """Write the summary to standard error and, as the last line on standard output, the path of the package."""
    for line in summary(export, package_path, elapsed_seconds, width=_width()):
        output.talk(line)
    sys.stderr.flush()
    click.echo(str(package_path))


def summary(export: Export, package_path: Path, elapsed_seconds: float, *, width: int) -> list[str]:
    """Return the lines of the summary, none wider than `width` unless a name is."""
    tick = click.style("✓", fg="green", bold=True)
    receipt = export.receipt
    lines = [f"{tick} {export.id} completed in {_seconds(elapsed_seconds)}", ""]
    lines += _fact("tenant", [output.plain(export.tenant)])
    which = f"revision {export.revision}, {export.format}" if export.revision else export.format
    lines += _fact("profile" if export.revision else "type", [f"{output.plain(export.profile)}, {which}"])
    lines += _fact("period", [f"{export.period.get('from')} to {export.period.get('to')}"])
    lines += _fact("rows", textwrap.wrap(_rows(export), max(width - _INDENT, 20)) if export.rows else [])
    lines += _fact("warnings", _warnings(export, width - _INDENT))
    lines += _fact("files", _files(export, package_path, width - _INDENT))
    if receipt is None:
        return [*lines, *_fact("ledger", [f"not sealed yet; later: lading ledger show {export.id}"]), ""]
    place = f"entry {output.number(receipt.index)} of {output.number(receipt.tree_size)}, signed root"
    return [*lines, *_fact("ledger", _with_digest(place, receipt.root_sha256, width - _INDENT)), ""]


def _fact(name: str, values: Sequence[str]) -> list[str]:
    labels = [name, *[""] * len(values)]
    return [f"  {click.style(f'{label:<9}', dim=True)} {value}" for label, value in zip(labels, values, strict=False)]


def _rows(export: Export) -> str:
    rows = export.rows
    assert rows is not None
    parts = [f"{output.number(rows.read)} read, {output.number(rows.written)} written"]
    parts += [f"{output.number(rows.quarantined)} quarantined"] if rows.quarantined else []
    parts += [f"{output.number(rows.duplicate)} duplicate"] if rows.duplicate else []
    parts += [f"{output.number(rows.filtered)} filtered"] if rows.filtered else []
    return ", ".join(parts)


def _warnings(export: Export, room: int) -> list[str]:
    counts = [f"{output.number(each.count)} × " if each.count > 1 else "" for each in export.warnings]
    found = [f"{count}{output.plain(each.message)}" for count, each in zip(counts, export.warnings, strict=True)]
    more = len(found) - _SHOWN_WARNINGS
    found = found[:_SHOWN_WARNINGS] + ([f"and {more} more: lading exports get {export.id} --json"] if more > 0 else [])
    lines = [line for each in found for line in textwrap.wrap(each, max(room, 20), subsequent_indent="  ")]
    return [click.style(line, fg="yellow") for line in lines] or ["none"]


def _files(export: Export, package_path: Path, room: int) -> list[str]:
    packages = [each for each in export.artifacts if each.media_type == "application/zip"]
    more = [Told(each.name, each.size, each.sha256) for each in packages]
    return files_lines(_listed(package_path), more, room=room)


def files_lines(inside: Sequence[Told], more: Sequence[Told] = (), *, room: int = _UNBOUNDED) -> list[str]:
    """Return a line for each file of a package, one for all its attachments, and one for each of `more`."""
    attachments = [each for each in inside if each.name.startswith("attachments/")]
    told = [each for each in inside if not each.name.startswith("attachments/")][:_SHOWN_FILES]
    if attachments:
        name = f"attachments/ ({output.number(len(attachments))} files)"
        told.append(Told(name, sum(each.size for each in attachments), ""))
    told += more
    names = max((len(each.name) for each in told), default=0)
    lines: list[str] = []
    for each in told:
        if names + 2 + _SIZE_WIDTH > room:
            digest = f"{each.sha256[: max(12, room - _SIZE_WIDTH - 3)]}…" if each.sha256 else ""
            size = f"{output.size(each.size):>{_SIZE_WIDTH}}  {click.style(digest, dim=True)}"
            lines += [output.plain(each.name), size.rstrip()]
            continue
        lines += _with_digest(
            f"{output.plain(each.name):<{names}}  {output.size(each.size):>{_SIZE_WIDTH}}", each.sha256, room
        )
    return lines


def _with_digest(text: str, sha256: str, room: int) -> list[str]:
    """Return `text` with the whole digest behind it, or below it, or as much of it below as there is room for."""
    if not sha256:
        return [text]
    if len(text) + 2 + len(sha256) <= room:
        return [f"{text}  {click.style(sha256, dim=True)}"]
    shown = sha256 if len(sha256) <= room else f"{sha256[: max(12, room - 1)]}…"
    return [text, click.style(shown, dim=True)]


def _listed(package_path: Path) -> list[Told]:
    """Return the files of the manifest; the package was verified before, this only reads what to show."""
    try:
        with zipfile.ZipFile(package_path) as package, package.open("manifest.json") as file:
            found = json.loads(file.read(_MANIFEST_BYTES))["files"]
        return [Told(str(each["name"]), int(each["size"]), str(each["sha256"])) for each in found]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return []


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stderr.isatty() else _UNBOUNDED


def _seconds(elapsed: float) -> str:
    if elapsed < 60:
        return f"{elapsed:.1f} s"
    minutes, seconds = divmod(round(elapsed), 60)
    return f"{minutes} min {seconds} s"
