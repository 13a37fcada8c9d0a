"""`lading runs`: graphs of jobs; make, follow, draw, stop and replay them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lading.cli import exits, output, run_drawing
from lading.cli.asking import grounds
from lading.cli.columns_work import BARS, CRITICAL, NODES, RUN, RUNS
from lading.cli.documents import read
from lading.cli.options import Line, connected
from lading.cli.progress import waiting
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.wire.runs import Gantt, RunDetail

_STATES: Final = ("running", "completed", "failed", "cancelled")
_NODE_STATES: Final = (
    "blocked", "scheduled", "pending", "running", "completed", "dead", "cancelled", "skipped", "kept", "pruned",
)  # fmt: skip
_MOST_BYTES: Final = 16 << 20


@click.group()
def command() -> None:
    """
    Run graphs of jobs: make, follow, draw, stop and replay them.

    Example: lading runs create nightly.yaml --wait
    """


@command.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--name", metavar="TEXT", help="Instead of the name in FILE.")
@click.option("--wait", "is_awaited", is_flag=True, help="Wait for its end; exit code 20 if it did not complete.")
@connected
def create(line: Line, file: Path, name: str | None, is_awaited: bool) -> int:
    """
    Make the run that FILE describes: YAML, JSON, or - for standard input.

    FILE has a name and nodes, each with key, kind, payload and parents.

    Example: lading runs create nightly.yaml --wait
    """
    document = read(file, most_bytes=_MOST_BYTES)
    if name is not None:
        document = {**document, "name": name}
    with line.client() as client:
        made = client.runs.create(document)
        if not is_awaited:
            _show(line, made)
            return exits.OK
        output.talk(f"{made.id} has {output.number(made.nodes)} nodes.")
        return _follow(line, made.id, None)


@command.command(name="list")
@click.option("--state", multiple=True, type=click.Choice(_STATES), help="Only these; repeat it.")
@click.option("--name", metavar="TEXT", help="Only with this name.")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many (50).")
@connected
def list_(line: Line, state: Sequence[str], name: str | None, limit: int) -> None:
    """
    List runs, newest first.

    Example: lading runs list --state running
    """
    with line.client() as client:
        found = list(islice(client.runs.list(state=state, name=name), limit))
    output.rows(line.form, RUNS, found)


@command.command()
@click.argument("run_id", metavar="ID")
@connected
def get(line: Line, run_id: str) -> None:
    """
    Show one run and how many of its nodes are in which state.

    Example: lading runs get run_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        _show(line, client.runs.get(run_id))


@command.command()
@click.argument("run_id", metavar="ID")
@click.option("--timeout", type=float, default=None, metavar="SECONDS", help="How long to wait (until it ends).")
@connected
def wait(line: Line, run_id: str, timeout: float | None) -> int:
    """
    Wait until a run has ended; exit code 20 if it failed or was cancelled, 21 after the timeout.

    Example: lading runs wait run_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    return _follow(line, run_id, timeout)


@command.command()
@click.argument("run_id", metavar="ID")
@click.option("--state", multiple=True, type=click.Choice(_NODE_STATES), help="Only these; repeat it.")
@click.option("--limit", type=click.IntRange(1), default=200, metavar="N", help="At most so many (200).")
@connected
def nodes(line: Line, run_id: str, state: Sequence[str], limit: int) -> None:
    """
    List the nodes of a run, parents before children.

    Example: lading runs nodes run_01ke2m0v8ye6h9y3v4n5p6q7r8 --state dead --state skipped
    """
    with line.client() as client:
        found = list(islice(client.runs.nodes(run_id, state=state), limit))
    output.rows(line.form, NODES, found)


@command.command()
@click.argument("run_id", metavar="ID")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "dot", "json"]),
    default="text",
    metavar="FORM",
    help="text, mermaid, dot or json.",
)
@connected
def dag(line: Line, run_id: str, form: str) -> None:
    """
    Draw the graph of a run.

    Example: lading runs dag run_01ke2m0v8ye6h9y3v4n5p6q7r8 --format dot | dot -Tsvg > run.svg
    """
    with line.client() as client:
        found = client.runs.dag(run_id)
    if line.is_json or form == "json":
        output.document(found)
    elif form == "mermaid":
        click.echo(run_drawing.mermaid(found))
    elif form == "dot":
        click.echo(run_drawing.dot(found))
    else:
        for each in run_drawing.lines(found):
            click.echo(each)


@command.command()
@click.argument("run_id", metavar="ID")
@click.option("--critical", "is_critical", is_flag=True, help="Only nodes of the critical path.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, metavar="N", help="At most so many bars (100); JSON has all."
)
@connected
def gantt(line: Line, run_id: str, is_critical: bool, limit: int) -> None:
    """
    Draw when each node of a run ran; the critical path is drawn solid.

    Example: lading runs gantt run_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        found = client.runs.gantt(run_id)
    _draw(line, found, is_critical=is_critical, limit=limit)


@command.command(name="critical-path")
@click.argument("run_id", metavar="ID")
@connected
def critical_path(line: Line, run_id: str) -> None:
    """
    Name the chain of nodes that decides when a run ends.

    Example: lading runs critical-path run_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        found = client.runs.critical_path(run_id)
    if line.is_json:
        output.document(found)
        return
    output.rows(line.form, CRITICAL, found.nodes)
    output.talk(f"{run_drawing.seconds(found.seconds)} in all.")


@command.command()
@click.argument("run_id", metavar="ID")
@grounds
@connected
def cancel(line: Line, run_id: str, reason: str, ticket: str | None) -> None:
    """
    Cancel what waits in a run and ask what runs to stop.

    Example: lading runs cancel run_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "started by mistake"
    """
    with line.client() as client:
        _show(line, client.runs.cancel(run_id, reason=reason, ticket=ticket))


@command.command()
@click.argument("run_id", metavar="ID")
@click.option("--from", "keys", multiple=True, metavar="KEY", help="From this node on; repeat it.")
@click.option("--failed", is_flag=True, help="From every node that is not done.")
@grounds
@connected
def replay(line: Line, run_id: str, *, keys: Sequence[str], failed: bool, reason: str, ticket: str | None) -> None:
    """
    Do some nodes, and all below them, once more in a new run; the others count as done.

    Example: lading runs replay run_01ke2m0v8ye6h9y3v4n5p6q7r8 --failed --reason "password renewed"
    """
    if bool(keys) == failed:
        raise InvalidInput("Say from where: --from KEY, which can be repeated, or --failed; one of the two.")
    with line.client() as client:
        _show(line, client.runs.replay(run_id, keys or None, reason=reason, ticket=ticket))


def _follow(line: Line, run_id: str, timeout: float | None) -> int:
    with line.client() as client:
        try:
            with waiting(f"{run_id} runs", stream=sys.stderr):
                run = client.runs.wait(run_id, timeout=timeout)
        except KeyboardInterrupt:
            output.tell(f"\nDetached; {run_id} goes on. Wait for it again: lading runs wait {run_id}")
            return exits.INTERRUPTED
    _show(line, run)
    if run.state == "completed":
        return exits.OK
    if not line.is_json:
        output.talk(f"{run.id} {run.state}. See what was not done: lading runs nodes {run.id} --state dead")
    return exits.EXPORT_FAILED


def _show(line: Line, run: RunDetail) -> None:
    if line.is_json:
        output.document(run)
        return
    counts = {name: f"counts.{name}" for name in run.counts}
    output.facts(line.form, run, {**RUN, **counts})


def _draw(line: Line, found: Gantt, *, is_critical: bool, limit: int) -> None:
    chosen = [bar for bar in found.bars if bar.is_critical or not is_critical]
    if line.is_json:
        output.document(replace(found, bars=chosen))
        return
    if line.form != "table" or not sys.stdout.isatty():
        output.rows(line.form, BARS, chosen[:limit])
    else:
        for each in run_drawing.bars(found, chosen[:limit], width=shutil.get_terminal_size().columns):
            click.echo(each)
    if len(chosen) > limit:
        output.talk(f"{output.number(len(chosen) - limit)} more; see them with --limit {len(chosen)}.")
