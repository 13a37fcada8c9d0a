"""`lading privacy`: read and erase the words that ledger entries commit to."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.asking import confirm, grounds
from lading.cli.options import Line, connected
from lading.errors import InvalidInput

_OPENINGS = {"index": "index", "subject": "subject", "path": "path", "value": "value"}
_ERASURE = {"erased": "erased", "copies": "copies"}


@click.group()
def command() -> None:
    """
    Read and erase the words that ledger entries commit to: reasons, and the names of people.

    Example: lading privacy openings --subject exp_01ke2m0v8ye6h9y3v4n5p6q7r8
    """


@command.command()
@click.option("--first", type=click.IntRange(0), default=0, metavar="N", help="From this entry on (0).")
@click.option("--subject", metavar="ID", help="Entries about this alone.")
@connected
def openings(line: Line, *, first: int, subject: str | None) -> None:
    """
    List the words that entries commit to, as far as they were not erased; with --json their salts, too.

    Example: lading privacy openings --subject exp_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.rows(line.form, _OPENINGS, list(client.privacy.openings(first=first, subject=subject)))


@command.command()
@click.option("--subject", metavar="ID", help="What was said of this, such as exp_… or profile:name.")
@click.option("--member", metavar="ID", help="What was said of and by this person, mem_….")
@click.option("--entry", type=click.IntRange(0), metavar="N", help="The words of this entry.")
@grounds
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
def erase(
    line: Line,
    *,
    subject: str | None,
    member: str | None,
    entry: int | None,
    reason: str,
    ticket: str | None,
    yes: bool,
) -> None:
    """
    Erase words for good; the entries, their proofs and bundles made before stay valid.

    Example: lading privacy erase --member mem_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "asked to be forgotten"
    """
    if sum(each is not None for each in (subject, member, entry)) != 1:
        raise InvalidInput("Give exactly one of --subject, --member and --entry.")
    what = subject or member or f"entry {entry}"
    confirm(f"Erase the words of {output.plain(what)}? This can't be taken back.", yes=yes)
    with line.client() as client:
        made = client.privacy.erase(subject=subject, member=member, entry=entry, reason=reason, ticket=ticket)
    output.facts(line.form, made, _ERASURE)
