"""What requeue, resolve and discard share: which dead letters are meant, and what became of each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from lading.cli import amounts, exits, output
from lading.cli.asking import confirm, grounds
from lading.cli.columns_work import BULK
from lading.cli.options import Line
from lading.errors import Conflict, InvalidInput, NotFound, QueueFull

if TYPE_CHECKING:
    from lading.client import Client
    from lading.wire.letters import BulkRequest, BulkResult

_PIECE: Final = 200  # a server under load takes tens of milliseconds for each, and is waited for half a minute
_AGE: Final = ("died_from", "died_to", "older_than", "newer_than")

Verb = Literal["requeue", "resolve", "discard"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Letters by the ids of their jobs, or by a filter; and why."""

    job_ids: Sequence[str]
    kind: str | None
    source: str | None
    code: str | None
    fingerprint: str | None
    died_from: str | None
    died_to: str | None
    older_than: str | None
    newer_than: str | None
    reason: str
    ticket: str | None
    is_dry: bool
    yes: bool

    def request(self, *, dry_run: bool) -> BulkRequest:
        """Return the filter as the wire has it."""
        from lading.wire.letters import BulkRequest

        return BulkRequest(
            reason=self.reason,
            ticket=self.ticket,
            kind=self.kind,
            source=self.source,
            code=self.code,
            fingerprint=self.fingerprint,
            limit=_PIECE,
            dry_run=dry_run,
            **bounds(self.died_from, self.died_to, self.older_than, self.newer_than),
        )


def aged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say when letters died."""
    for option in (
        click.option("--newer-than", metavar="SPAN", help="That died within so long: 90s, 45m, 2h or 3d."),
        click.option("--older-than", metavar="SPAN", help="That died longer ago: 90s, 45m, 2h or 3d."),
        click.option("--to", "died_to", metavar="INSTANT", help="That died before then."),
        click.option("--from", "died_from", metavar="INSTANT", help="That died since then, as 2026-12-01T22:00Z."),
    ):
        function = option(function)
    return function


def bounds(died_from: str | None, died_to: str | None, older_than: str | None, newer_than: str | None) -> Any:
    """Return when letters died, as the wire names it."""
    return {
        **amounts.since(died_from, died_to, "died"),
        "older_than_seconds": amounts.seconds(older_than, "older-than"),
        "newer_than_seconds": amounts.seconds(newer_than, "newer-than"),
    }


def chosen(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ids, filters, --reason, --dry-run and --yes; it takes them as a Choice, which names something."""

    @click.argument("job_ids", metavar="[ID]...", nargs=-1)
    @click.option("--kind", metavar="KIND", help="Open ones of this kind of job.")
    @click.option("--source", metavar="NAME", help="Open ones on this source.")
    @click.option("--code", metavar="CODE", help="Open ones with this code of fault.")
    @click.option("--fingerprint", metavar="TEXT", help="Open ones of this cluster.")
    @aged
    @click.option("--all", "every", is_flag=True, help="Every open one.")
    @grounds
    @click.option("--dry-run", "is_dry", is_flag=True, help="Only say how many there are.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @functools.wraps(function)
    def inner(every: bool, **given: Any) -> Any:
        choice = Choice(**{each.name: given.pop(each.name) for each in fields(Choice)})
        filters = [getattr(choice, name) for name in ("kind", "source", "code", "fingerprint", *_AGE)]
        if sum((bool(choice.job_ids), any(each is not None for each in filters), every)) != 1:
            raise InvalidInput("Name the letters by ID, or by a filter such as --code, or say --all; one of the three.")
        return function(choice=choice, **given)

    return inner


def close(line: Line, verb: Verb, choice: Choice) -> int:
    """Do `verb` to the chosen letters, print what became of them and return the exit code."""
    with line.client() as client:
        result = _each(client, verb, choice) if choice.job_ids else _bulk(client, verb, choice)
    output.facts(line.form, result, BULK)
    if not line.is_json:
        for refusal in result.refused:
            output.talk(f"{refusal.job}  {output.plain(refusal.detail)}")
    return exits.CONFLICT if result.refused else exits.OK


def _each(client: Client, verb: Verb, choice: Choice) -> BulkResult:
    from lading.wire.letters import BulkResult, Refusal

    refused: list[Refusal] = []
    for place, job_id in enumerate(choice.job_ids):
        try:
            if not choice.is_dry:
                getattr(client.dead_letters, verb)(job_id, reason=choice.reason, ticket=choice.ticket)
            elif (letter := client.dead_letters.get(job_id)).state != "open":
                refused.append(Refusal(job_id, f"The dead letter {job_id} is {letter.state} already.", Conflict.code))
        except QueueFull as error:  # the client has waited and asked again; so would each of the rest
            rest = choice.job_ids[place:]
            refused += [Refusal(each, error.message, error.code) for each in rest]
            break
        except (Conflict, NotFound) as error:
            refused.append(Refusal(job_id, error.message, error.code))
    most = len(choice.job_ids) - len(refused)
    return BulkResult(matched=len(choice.job_ids), done=0 if choice.is_dry else most, refused=refused)


def _bulk(client: Client, verb: Verb, choice: Choice) -> BulkResult:
    if choice.is_dry or not choice.yes:
        found = _through(client, verb, choice.request(dry_run=True))
        if choice.is_dry or not found.matched:
            return found
        confirm(f"{verb.capitalize()} {output.number(found.matched)} dead letters?", yes=False)
    return _through(client, verb, choice.request(dry_run=False))


def _through(client: Client, verb: Verb, request: BulkRequest) -> BulkResult:
    """Go through all that match, piece by piece, and add up what became of them."""
    found = told = client.dead_letters.bulk(verb, request)
    while found.has_more:
        found = client.dead_letters.bulk(verb, replace(request, cursor=found.next_cursor))
        told = replace(
            found,
            matched=told.matched + found.matched,
            done=told.done + found.done,
            refused=[*told.refused, *found.refused],
        )
    return told
