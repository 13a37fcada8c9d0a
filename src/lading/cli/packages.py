"""`lading packages`: packages on this disk, checked, looked into, laid out and compared; asks no server."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lading.cli import exits, output
from lading.errors import PackageInvalid

if TYPE_CHECKING:
    from lading.client.packages import Comparison, Limits, Package

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_FACTS: Final = {
    "file": "path", "kind": "kind", "name": "name", "files": "files", "bytes": "bytes", "components": "components",
    "unresolved": "unresolved", "not listed": "unlisted", "exported from": "exported_from", "version": "version",
    "created": "created_on",
}  # fmt: skip
_COMPONENTS: Final = {
    "bucket": "bucket", "provider": "provider", "name": "name", "unresolved": "unresolved", "entry": "entry",
}  # fmt: skip
_UNRESOLVED: Final = {"component": "component", "needs": "provider", "selected by": "selector", "why": "reason"}
_FILES: Final = {"file": "name", "bytes": "size", "sha256": "sha256"}
_CHANGES: Final = {"change": "change", "of": "name", "where": "where", "before": "before", "after": "after"}


@click.group()
def command() -> None:
    """
    Check, look into, lay out and compare packages on this disk; no server is asked.

    Both kinds are read: packages of Lading, and configuration packages as ShareDo hands them out.  Nothing is unpacked
    before all of it is found good.  Who signed a package of Lading is told by `lading verify`.

    Example: lading packages validate report.zip
    """


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the limits of what it opens."""

    @click.option("--max-bytes", type=click.IntRange(1), metavar="N", help="Largest file opened (100000000).")
    @click.option("--max-unpacked", type=click.IntRange(1), metavar="N", help="Most bytes unpacked (500000000).")
    @click.option("--max-ratio", type=click.IntRange(1), metavar="N", help="Most bytes out of one (100).")
    @click.option("--max-entries", type=click.IntRange(1), metavar="N", help="Most entries (10000).")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @functools.wraps(function)
    def inner(
        *,
        max_bytes: int | None,
        max_unpacked: int | None,
        max_ratio: int | None,
        max_entries: int | None,
        as_json: bool,
        **rest: Any,
    ) -> Any:
        from lading.client.packages import Limits

        given = {"package_bytes": max_bytes, "unpacked_bytes": max_unpacked, "ratio": max_ratio, "entries": max_entries}
        limits = Limits(**{name: value for name, value in given.items() if value is not None})
        return function(limits=limits, form="json" if as_json else "table", **rest)

    return inner


@command.command()
@click.argument("files", type=_FILE, nargs=-1, required=True, metavar="FILE...")
@_bounded
def validate(files: tuple[Path, ...], *, limits: Limits, form: str) -> int:
    """
    Say of each FILE whether it is a good package: its zip, its manifest, every file in it.

    Exit code 0: all are.  9: at least one is not; the others were looked at all the same.

    Example: lading packages validate export-VeryBasic-2026-11-01T09_30_00.zip

    Example: lading packages validate *.zip --json
    """
    from lading.client.packages import open_package

    found: list[dict[str, Any]] = []
    for path in files:
        try:
            package = open_package(path, limits=limits)
        except PackageInvalid as error:
            # A single one is told as any error is.
            if len(files) == 1 and form != "json":
                raise
            found.append(
                {
                    "path": str(path),
                    "is_good": False,
                    "fault": error.fault,
                    "entry": error.entry,
                    "why": error.message.removeprefix(f"{path.name}: "),
                }
            )
            continue
        unresolved = len(package.components.unresolved)
        found.append(
            {"path": str(path), "is_good": True, "kind": package.kind, "files": len(package.entries),
             "bytes": package.size, "unresolved": unresolved}
        )  # fmt: skip
    if form == "json":
        output.document(found)
    for each in found if form != "json" else ():
        if each["is_good"]:
            missing = f", {each['unresolved']} mandatory dependencies unresolved" if each["unresolved"] else ""
            told = f"good, {each['kind']}, {output.number(each['files'])} files, {output.size(each['bytes'])}{missing}"
            click.echo(f"{output.plain(each['path'])}: {told}")
        else:
            click.echo(f"{output.plain(each['path'])}: {each['fault']}: {output.plain(each['why'])}")
    return exits.OK if all(each["is_good"] for each in found) else exits.DAMAGED


@command.command()
@click.argument("file", type=_FILE, metavar="FILE")
@_bounded
def show(file: Path, *, limits: Limits, form: str) -> None:
    """
    Show what is in a package: its components by bucket, what they need that is not there, or its files.

    Example: lading packages show export-VeryBasic-2026-11-01T09_30_00.zip
    """
    from lading.client.packages import Kind, open_package

    package = open_package(file, limits=limits)
    facts, components, unresolved = _facts(package), _components(package), _unresolved(package)
    if form == "json":
        output.document({**facts, "components": components, "unresolved": unresolved, "entries": package.entries})
        return
    output.facts(form, facts, _FACTS)
    if package.kind is Kind.CONFIGURATION:
        output.rows(form, _COMPONENTS, components)
        if unresolved:
            output.talk("Mandatory dependencies that the package does not hold:")
            output.rows(form, _UNRESOLVED, unresolved)
    else:
        output.rows(form, _FILES, package.entries)


@command.command()
@click.argument("file", type=_FILE, metavar="FILE")
@click.option(
    "--output", "folder", type=click.Path(path_type=Path), metavar="DIR",
    help="The new folder; without it one beside the file, named as it is.",
)  # fmt: skip
@_bounded
def extract(file: Path, *, folder: Path | None, limits: Limits, form: str) -> None:
    """
    Check a package and lay its files out in a new folder, which appears whole or not at all.

    A folder that is there already is left alone (6).  The last line on standard output is the path.

    Example: lading packages extract report.zip --output out/report
    """
    from lading.client.packages import open_package

    laid = open_package(file, limits=limits).extract(folder or file.with_suffix(""))
    if form == "json":
        output.document(
            {"path": str(laid.folder), "files": [each.as_posix() for each in laid.files], "bytes": laid.size}
        )
        return
    output.talk(f"{output.number(len(laid.files))} files, {output.size(laid.size)}.")
    click.echo(str(laid.folder))


@command.command()
@click.argument("before", type=_FILE, metavar="BEFORE")
@click.argument("after", type=_FILE, metavar="AFTER")
@click.option("--ignore-field", "fields", multiple=True, metavar="NAME", help="Ignore fields of this name, too.")
@click.option("--all-fields", is_flag=True, help="Ignore not even CreatedOn, Id and StorageFilename.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.option("--fail-if-different", is_flag=True, help="End with exit code 14 if anything differs.")
@_bounded
def compare(
    before: Path,
    after: Path,
    *,
    fields: tuple[str, ...],
    all_fields: bool,
    markdown: bool,
    fail_if_different: bool,
    limits: Limits,
    form: str,
) -> int:
    """
    Show what differs between two packages: components and files that came, went or changed, and where within.

    Components are the same when provider and selector are.  CreatedOn, Id and StorageFilename are ignored: they differ
    between two exports of the same thing.

    Example: lading packages compare uat.zip production.zip

    Example: lading packages compare uat.zip production.zip --ignore-field ExportedFrom --markdown
    """
    from lading.client.packages import VOLATILE, open_package, showing
    from lading.client.packages import compare as compared

    ignore = frozenset(fields) | (frozenset[str]() if all_fields else VOLATILE)
    found = compared(open_package(before, limits=limits), open_package(after, limits=limits), ignore=ignore)
    if form == "json":
        output.document(showing.document(found))
    elif markdown:
        click.echo(showing.markdown(found))
    elif found.is_same:
        output.talk(f"Nothing differs; {output.number(found.unchanged)} unchanged.")
    else:
        output.rows(form, _CHANGES, _changes(found))
        output.talk(f"{output.number(found.unchanged)} unchanged." + (" More changed than is shown." * found.is_cut))
    return exits.DIFFERENT if fail_if_different and not found.is_same else exits.OK


def _facts(package: Package) -> dict[str, Any]:
    from lading.client.packages import Configuration

    told = package.manifest
    facts: dict[str, Any] = {
        "path": str(package.path), "kind": package.kind, "files": len(package.entries), "bytes": package.size,
        "name": "", "components": None, "unresolved": None, "unlisted": list(package.unlisted), "exported_from": None,
        "version": None, "created_on": None,
    }  # fmt: skip
    if isinstance(told, Configuration):
        return facts | {
            "name": told.name, "components": len(told.components), "unresolved": len(told.components.unresolved),
            "exported_from": told.exported_from, "version": told.version, "created_on": told.created_on,
        }  # fmt: skip
    return facts | {"name": str(told.document["profile"].get("name", ""))}


def _components(package: Package) -> list[dict[str, Any]]:
    return [
        {"id": each.id, "bucket": each.bucket, "provider": each.provider, "name": each.system_name or each.description,
         "selector": each.selector, "entry": each.entry, "unresolved": len(each.unresolved)}
        for each in package.components
    ]  # fmt: skip


def _unresolved(package: Package) -> list[dict[str, Any]]:
    return [
        {"component": component.system_name or component.id, "provider": each.provider, "selector": each.selector,
         "reason": each.reason}
        for component, each in package.components.unresolved
    ]  # fmt: skip


def _changes(found: Comparison) -> list[dict[str, str]]:
    from lading.client.packages import showing

    whole = [("added", name) for name in found.added] + [("removed", name) for name in found.removed]
    rows = [{"change": change, "name": name, "where": "", "before": "", "after": ""} for change, name in whole]
    for thing in found.changed:
        for each in thing.changes:
            before, after = showing.sides(each)
            rows.append({"change": each.kind, "name": thing.name, "where": each.path, "before": before, "after": after})
    return rows
