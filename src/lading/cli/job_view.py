"""How the command line shows one job."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lading.cli import output
from lading.cli.columns import JOB
from lading.cli.options import Line

if TYPE_CHECKING:
    from lading.wire.jobs import Attempt, JobDetail

STATES = ("blocked", "scheduled", "pending", "running", "completed", "dead", "cancelled")


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
