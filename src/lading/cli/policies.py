"""`lading policies`: write, try, store and activate what may be exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lading.cli import documents, exports_asking, output, verdicts
from lading.cli.asking import grounds
from lading.cli.columns import ACTIVATIONS, POLICIES, POLICY, POLICY_CHANGES, REVISIONS
from lading.cli.options import Line, connected
from lading.errors import InvalidInput


@click.group()
def command() -> None:
    """
    Write, try, store and activate policies: rules about what may be exported, by whom and when.

    Example: lading policies apply outgoing.yaml --activate
    """


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--activate", is_flag=True, help="Judge exports by it from now on.")
@connected
def apply(line: Line, file: Path, activate: bool) -> None:
    """
    Store the policy in FILE as a revision.

    FILE is YAML or JSON, `-` standard input; the same document again changes nothing.

    Example: lading policies apply outgoing.yaml --activate --tenant nordlys
    """
    document = documents.read(file)
    name = document.get("policy")
    if not isinstance(name, str):
        raise InvalidInput.field("policy", f"is missing in {file}; add the name of the policy.")
    with line.client() as client, documents.told_by_line(document):
        output.facts(line.form, client.policies.apply(name, document, activate=activate), POLICY)


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the policies; exports are judged by all that are active.

    Example: lading policies list
    """
    with line.client() as client:
        output.rows(line.form, POLICIES, list(client.policies.list()))


@command.command()
@click.argument("name")
@click.option("--revision", type=int, metavar="N", help="This one instead of the active one.")
@click.option("--revisions", is_flag=True, help="List the revisions instead.")
@connected
def show(line: Line, name: str, revision: int | None, revisions: bool) -> None:
    """
    Print the document of a policy as JSON.

    Example: lading policies show outgoing --revision 2 > outgoing.json
    """
    with line.client() as client:
        if revisions:
            output.rows(line.form, REVISIONS, client.policies.revisions(name))
            return
        found = client.policies.get(name, revision=revision)
    output.document(found if line.is_json else found.document)


@command.command()
@click.argument("name")
@click.argument("revision", type=int)
@grounds
@connected
def activate(line: Line, name: str, revision: int, reason: str, ticket: str | None) -> None:
    """
    Judge exports by a revision from now on, those that wait or run included.

    Example: lading policies activate outgoing 2 --reason "agreed with the board" --ticket OPS-17
    """
    with line.client() as client:
        output.facts(line.form, client.policies.activate(name, revision, reason=reason, ticket=ticket), POLICY)


@command.command()
@click.argument("name")
@grounds
@connected
def deactivate(line: Line, name: str, reason: str, ticket: str | None) -> None:
    """
    Judge exports by a policy no more; its revisions stay.

    Example: lading policies deactivate outgoing --reason "replaced by another"
    """
    with line.client() as client:
        output.facts(line.form, client.policies.deactivate(name, reason=reason, ticket=ticket), POLICY)


@command.command()
@click.argument("name")
@grounds
@connected
def rollback(line: Line, name: str, reason: str, ticket: str | None) -> None:
    """
    Go back to what was before, another revision or none; once more goes back one further.

    Example: lading policies rollback outgoing --reason "it stops the monthly report"
    """
    with line.client() as client:
        output.facts(line.form, client.policies.rollback(name, reason=reason, ticket=ticket), POLICY)


@command.command()
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, metavar="N", help="So many of the newest (100).")
@connected
def history(line: Line, name: str, limit: int) -> None:
    """
    List which revision was active when, and who made it so, newest first; 0 is that none was.

    Example: lading policies history outgoing
    """
    with line.client() as client:
        output.rows(line.form, ACTIVATIONS, client.policies.history(name, limit=limit))


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@connected
def validate(line: Line, file: Path) -> int:
    """
    Name everything that is wrong with the policy in FILE, by line and path; `-` reads standard input.

    Nothing is stored, and no server is asked where this machine can tell (with lading[server]).
    Exit code 2 when something is wrong.

    Example: lading policies validate outgoing.yaml
    """
    text = documents.text_of(file)
    found = documents.policy_findings(text)
    if found is None:
        with line.client() as client:
            found = client.policies.validate(text=text)
    fine = f"{file} is a valid policy; what it says of an export shows `lading policies test`."
    return documents.tell_findings(line, found, fine=fine)


@command.command()
@click.argument("name")
@click.argument("before", type=int, required=False)
@click.argument("after", type=int, required=False)
@click.option("--file", type=click.Path(path_type=Path), metavar="FILE", help="With the policy in FILE.")
@connected
def diff(line: Line, name: str, before: int | None, after: int | None, file: Path | None) -> None:
    """
    Tell what changes between two revisions.

    Without numbers it is from the active revision to the newest; with --file, to what is in FILE.

    Example: lading policies diff outgoing --file outgoing.yaml
    """
    with documents.maybe(file) as document, line.client() as client:
        found = client.policies.diff(name, before=before, after=after, document=document)
    documents.tell_changes(line, found, POLICY_CHANGES, name=name, file=file)


@command.command()
@click.option("--policy", "name", metavar="NAME", help="The policy to be tried; with --file, that of the file.")
@click.option("--policy-revision", type=int, metavar="N", help="This revision of it instead of the active one.")
@click.option("--file", type=click.Path(path_type=Path), metavar="FILE", help="Try the policy in FILE, stored or not.")
@click.option("--role", metavar="ROLE", help="As if somebody with this role had asked; your own.")
@click.option("--at", metavar="INSTANT", help="As if it were asked for then (2026-01-31T12:00:00Z); now.")
@click.option("--rows", type=click.IntRange(0), metavar="N", help="As if so many rows came of it.")
@click.option("--bytes", "size", type=click.IntRange(0), metavar="N", help="As if the package had so many bytes.")
@exports_asking.options
@connected
def test(
    line: Line,
    *,
    name: str | None,
    policy_revision: int | None,
    file: Path | None,
    role: str | None,
    at: str | None,
    rows: int | None,
    size: int | None,
    **given: Any,
) -> int:
    """
    Say what a policy, stored or in a file, says of an export of PROFILE; nothing is stored or asked for.

    Exit code 4 when it is refused.

    Example: lading policies test bufdir --period 2025 --file outgoing.yaml --role requester
    """
    from lading.wire.policies import TryRequest

    with documents.maybe(file) as document, line.client() as client:
        name = name or str((document or {}).get("policy") or "")
        if not name:
            raise click.UsageError("Missing option '--policy', or '--file' with a policy.")
        asked = exports_asking.request(client, **given)
        found = client.policies.test(name, TryRequest(asked, policy_revision, document, role, at, rows, size))
    return verdicts.tell(line, found)
