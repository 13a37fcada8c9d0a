"""`lading profiles`: write, try, store and activate what exports are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lading.cli import choices, documents, manner, output, periods
from lading.cli.asking import grounds
from lading.cli.columns import ACTIVATIONS, CHANGES, PROFILE, PROFILES, REVISIONS
from lading.cli.options import Line, connected
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.wire.profiles import PreviewRow


@click.group()
def command() -> None:
    """
    Write, try, store and activate profiles.

    Example: lading profiles apply bufdir.yaml --activate
    """


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--activate", is_flag=True, help="Let exports use it from now on.")
@connected
def apply(line: Line, file: Path, activate: bool) -> None:
    """
    Store the profile in FILE as a revision.

    FILE is YAML or JSON; the same document again changes nothing.

    Example: lading profiles apply bufdir.yaml --activate --tenant nordlys
    """
    document = documents.read(file)
    name = document.get("profile")
    if not isinstance(name, str):
        raise InvalidInput.field("profile", f"is missing in {file}; add the name of the profile.")
    with line.client() as client, documents.told_by_line(document):
        output.facts(line.form, client.profiles.apply(name, document, activate=activate), PROFILE)


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the profiles.

    Example: lading profiles list
    """
    with line.client() as client:
        output.rows(line.form, PROFILES, client.profiles.list())


@command.command()
@click.argument("name")
@click.option("--revision", type=int, metavar="N", help="This one instead of the active one.")
@click.option("--revisions", is_flag=True, help="List the revisions instead.")
@connected
def show(line: Line, name: str, revision: int | None, revisions: bool) -> None:
    """
    Print the document of a profile as JSON.

    Example: lading profiles show bufdir --revision 2 > bufdir.json
    """
    with line.client() as client:
        if revisions:
            output.rows(line.form, REVISIONS, client.profiles.revisions(name))
            return
        found = client.profiles.get(name, revision=revision)
    output.document(found if line.is_json else found.document)


@command.command()
@click.argument("name")
@click.argument("revision", type=int)
@connected
def activate(line: Line, name: str, revision: int) -> None:
    """
    Let exports use a revision from now on.

    Example: lading profiles activate bufdir 2
    """
    with line.client() as client:
        client.profiles.activate(name, revision)
        output.facts(line.form, client.profiles.get(name), PROFILE)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@connected
def validate(line: Line, file: Path) -> int:
    """
    Name everything that is wrong with the profile in FILE, by line and path; `-` reads standard input.

    Nothing is stored, and no server is asked where this machine can tell (with lading[server]).
    Exit code 2 when something is wrong.

    Example: lading profiles validate bufdir.yaml
    """
    text = documents.text_of(file)
    found = documents.findings(text)
    if found is None:
        with line.client() as client:
            found = client.profiles.validate(text=text)
    fine = f"{file} is a valid profile; what only its source knows shows `lading profiles preview`."
    return documents.tell_findings(line, found, fine=fine)


@command.command()
@click.argument("name")
@click.argument("before", type=int, required=False)
@click.argument("after", type=int, required=False)
@click.option("--file", type=click.Path(path_type=Path), metavar="FILE", help="With the profile in FILE.")
@manner.keeping_answers
@connected
def diff(line: Line, name: str, before: int | None, after: int | None, file: Path | None) -> None:
    """
    Tell what changes between two revisions, and what that means for who receives the report.

    Without numbers it is from the active revision to the newest; with --file, to what is in FILE.

    Example: lading profiles diff bufdir --file bufdir.yaml
    """
    with documents.maybe(file) as document, line.client() as client:
        found = client.profiles.diff(name, before=before, after=after, document=document)
    layout = "keeps its columns" if found.keeps_layout else "changes its columns: tell who receives it"
    documents.tell_changes(line, found, CHANGES, name=name, file=file, meaning=f"the report {layout}")


@command.command()
@click.argument("name")
@click.option("--period", required=True, metavar="PERIOD", help="2025, 2025-H1, 2025-03, 2025-01-01..2025-06-30.")
@click.option("--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A choice of the profile.")
@click.option("--revision", type=int, metavar="N", help="This one instead of the active one.")
@click.option("--file", type=click.Path(path_type=Path), metavar="FILE", help="Try the profile in FILE instead.")
@click.option("--attachments", is_flag=True, help="Count the attachments of the period, too.")
@click.option("--rows", type=click.IntRange(1, 50), default=10, metavar="N", help="So many rows of the source (10).")
@manner.keeping_answers
@connected
def preview(
    line: Line,
    *,
    name: str,
    period: str,
    given: Sequence[str],
    revision: int | None,
    file: Path | None,
    attachments: bool,
    rows: int,
) -> None:
    """
    Show what becomes of the first rows of the source, masks applied; nothing is stored.

    With --cache the same preview comes from this disk for a day, unless profile or source is changed from here.

    Example: lading profiles preview bufdir --period 2025-03 --file bufdir.yaml
    """
    from lading.wire.profiles import PreviewRequest

    first, last = periods.parse(period)
    with documents.maybe(file) as document, line.client() as client:
        chosen = (
            choices.of_revision(client, name, revision, given) if document is None else choices.typed(document, given)
        )
        request = PreviewRequest({"from": first, "to": last}, chosen, revision, document, rows, attachments)
        found = client.profiles.preview(name, request)
    if line.is_json:
        output.document(found)
        return
    if found.attachments is not None:
        papers = found.attachments
        left_out = f"; {papers.missing + papers.outside} more are not there" if papers.missing + papers.outside else ""
        output.talk(f"{output.number(papers.count)} attachments, {output.size(papers.bytes)}{left_out}")
    items = [_preview_row(each) for each in found.rows]
    headings = {"#": "row", "outcome": "outcome", **{title: f"c{i}" for i, title in enumerate(found.columns)}}
    output.rows(line.form, headings | ({"why": "why"} if any(item["why"] for item in items) else {}), items)


@command.command()
@click.argument("name")
@grounds
@connected
def rollback(line: Line, name: str, reason: str, ticket: str | None) -> None:
    """
    Go back to the revision that was active before; once more goes back one further.

    Example: lading profiles rollback bufdir --reason "the receiver refuses the new column" --ticket OPS-17
    """
    with line.client() as client:
        output.facts(line.form, client.profiles.rollback(name, reason=reason, ticket=ticket), PROFILE)


@command.command()
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, metavar="N", help="So many of the newest (100).")
@connected
def history(line: Line, name: str, limit: int) -> None:
    """
    List which revision was active when, and who made it so, newest first.

    Example: lading profiles history bufdir
    """
    with line.client() as client:
        output.rows(line.form, ACTIVATIONS, client.profiles.history(name, limit=limit))


def _preview_row(row: PreviewRow) -> dict[str, Any]:
    cells = {f"c{index}": cell for index, cell in enumerate(row.cells or ())}
    why = "; ".join(f"{fault.code} in {fault.column}" for fault in row.errors)
    return {"row": row.row, "outcome": row.outcome, **cells, "why": why}
