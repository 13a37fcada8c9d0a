"""`lading schedules`: what is made by the clock; write, preview, pause and run it, and see what became of each slot."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click

from lading.cli import completing, output
from lading.cli.asking import delete_setting, deletion, grounds
from lading.cli.columns_work import PLANNED_SLOTS, SCHEDULE, SCHEDULES, SLOTS
from lading.cli.documents import read
from lading.cli.editing import edit_setting, edition
from lading.cli.options import Line, connected
from lading.errors import InvalidInput

_OUTCOMES: Final = ("waiting", "fired", "skipped", "failed")
_MOST_SHOWN: Final = 100


@click.group()
def command() -> None:
    """
    Write, preview, pause and run what is made by the clock, and see what became of each slot.

    Example: lading schedules preview monthly
    """


@command.command()
@click.argument("name", shell_complete=completing.schedules)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only over this version.")
@connected
def put(line: Line, name: str, file: Path, if_version: int | None) -> None:
    """
    Store what FILE says: YAML, JSON, or - for standard input; docs/how-to/schedules.md has each field.

    Example: lading schedules put monthly monthly.yaml
    """
    document = read(file)
    with line.client() as client:
        output.facts(line.form, client.schedules.put(name, document, version=if_version), SCHEDULE)


@command.command(name="list")
@click.option("--paused", "state", flag_value="paused", help="Only those that are paused.")
@click.option("--failing", "state", flag_value="failing", help="Only those whose newest slot came to nothing.")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def list_(line: Line, state: str | None, limit: int) -> None:
    """
    List the schedules, by name; failures are the newest slots that came to nothing, one after the other.

    Example: lading schedules list --failing
    """
    chosen: dict[str, Any] = {} if state is None else {state: True}
    with line.client() as client:
        found = list(islice(client.schedules.list(**chosen), limit))
    output.rows(line.form, SCHEDULES, found)


@command.command()
@click.argument("name", shell_complete=completing.schedules)
@connected
def get(line: Line, name: str) -> None:
    """
    Show one schedule.

    Example: lading schedules get monthly
    """
    with line.client() as client:
        output.facts(line.form, client.schedules.get(name), SCHEDULE)


@command.command()
@click.argument("name", shell_complete=completing.schedules)
@edition
@connected
def edit(line: Line, name: str, **given: Any) -> None:
    """
    Change a part of a schedule; what is not named stays as it is, what is cleared is set back.

    Example: lading schedules edit monthly --set zone=Europe/Oslo --if-version 3
    """
    edit_setting(line, name, lambda client: client.schedules, SCHEDULE, **given)


@command.command()
@click.argument("name", shell_complete=completing.schedules)
@deletion
@connected
def delete(line: Line, name: str, **given: Any) -> None:
    """
    Remove a schedule; what it made stays.

    Example: lading schedules delete monthly --reason "the authority asks no more" --ticket OPS-17
    """
    delete_setting(line, "schedule", name, lambda client: client.schedules, **given)


@command.command()
@click.argument("name", shell_complete=completing.schedules)
@grounds
@connected
def pause(line: Line, name: str, reason: str, ticket: str | None) -> None:
    """
    Let no slot come until somebody resumes it; what is made already goes on.

    Example: lading schedules pause monthly --reason "the source is being moved"
    """
    with line.client() as client:
        output.facts(line.form, client.schedules.pause(name, reason=reason, ticket=ticket), SCHEDULE)


@command.command()
@click.argument("name", shell_complete=completing.schedules)
@grounds
@connected
def resume(line: Line, name: str, reason: str, ticket: str | None) -> None:
    """
    Let slots come again, from the next one on; those of the pause are skipped.

    Example: lading schedules resume monthly --reason "the source was moved"
    """
    with line.client() as client:
        output.facts(line.form, client.schedules.resume(name, reason=reason, ticket=ticket), SCHEDULE)


@command.command()
@click.argument("name", shell_complete=completing.schedules)
@grounds
@connected
def run(line: Line, name: str, reason: str, ticket: str | None) -> None:
    """
    Make the work of a slot that is now, also of a paused schedule; exit code 6 when earlier work goes on.

    Example: lading schedules run monthly --reason "the authority asked again"
    """
    with line.client() as client:
        output.facts(line.form, client.schedules.run(name, reason=reason, ticket=ticket), SLOTS)


@command.command()
@click.argument("name", required=False)
@click.option("--file", type=click.Path(path_type=Path, allow_dash=True), help="Of this document, which is not stored.")
@click.option("--cron", metavar="TEXT", help="Of this expression.")
@click.option("--zone", default="UTC", metavar="NAME", help="With --cron: in this time zone (UTC).")
@click.option("--count", type=click.IntRange(1, _MOST_SHOWN), default=10, metavar="N", help="So many slots (10).")
@connected
def preview(line: Line, name: str | None, *, file: Path | None, cron: str | None, zone: str, count: int) -> None:
    """
    Show the next slots of a schedule, of a document, or of an expression, in its time zone.

    Example: lading schedules preview --cron "30 2 1 * *" --zone Europe/Oslo
    """
    if sum(given is not None for given in (name, file, cron)) != 1:
        raise InvalidInput("Name a schedule, or give --file or --cron.")
    with line.client() as client:
        if name is not None:
            found = client.schedules.preview(name, count=count)
        else:
            document = {"cron": cron, "zone": zone} if file is None else read(file)
            found = client.schedules.preview_document(document, count=count)
    if line.is_json:
        output.document(found)
        return
    output.rows(line.form, PLANNED_SLOTS, found.items)


@command.command()
@click.argument("name", shell_complete=completing.schedules)
@click.option("--outcome", multiple=True, type=click.Choice(_OUTCOMES), help="Only these; repeat it.")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def slots(line: Line, name: str, outcome: Sequence[str], limit: int) -> None:
    """
    List what became of the slots of a schedule, newest first.

    Example: lading schedules slots monthly --outcome failed
    """
    with line.client() as client:
        found = list(islice(client.schedules.slots(name, outcome=outcome), limit))
    output.rows(line.form, SLOTS, found)
