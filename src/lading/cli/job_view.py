"""How the command line shows one job, and which jobs are meant by a filter."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lading.cli import amounts, output
from lading.cli.columns_work import JOB
from lading.cli.options import Line

if TYPE_CHECKING:
    from lading.wire.jobs import Attempt, JobDetail

STATES = ("blocked", "scheduled", "pending", "running", "completed", "dead", "cancelled")


def narrowed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the filters of jobs, beside their state; it takes them as the wire names them."""

    @click.option("--kind", metavar="KIND", help="Only of this kind.")
    @click.option("--source", metavar="NAME", help="Only on this source.")
    @click.option("--subject", metavar="ID", help="Only what works for this.")
    @click.option("--run", metavar="ID", help="Only of this run.")
    @click.option("--code", metavar="CODE", help="Only with this code of last fault.")
    @click.option("--from", "begin", metavar="INSTANT", help="Only made since then, such as 2026-12-01T22:00Z.")
    @click.option("--to", "end", metavar="INSTANT", help="Only made before then.")
    @functools.wraps(function)
    def inner(begin: str | None, end: str | None, **rest: Any) -> Any:
        return function(**amounts.since(begin, end), **rest)

    return inner


def show(line: Line, job: JobDetail) -> None:
    """Print a job with its attempts."""
    if line.is_json:
        output.document(job)
        return
    tried = {f"attempt {each.attempt}": _attempt(each) for each in job.attempts}
    output.facts(line.form, {**asdict(job), **tried}, {**JOB, **{name: name for name in tried}})


def _attempt(attempt: Attempt) -> str:
    end = f"{attempt.outcome or 'goes on'} {attempt.ended_at or ''}".strip()
    why = f": {attempt.error.message}" if attempt.error is not None else ""
    return f"{attempt.started_at} {end}{why}"
