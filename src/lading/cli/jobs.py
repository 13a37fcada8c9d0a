"""`lading jobs`: one lazy group over jobs, which are made, seen and steered."""

from __future__ import annotations

import click

from lading.cli.lazy import LazyGroup

_COMMANDS = {
    "list": ("lading.cli.jobs_list", "List jobs, newest first, with what they wait for."),
    "get": ("lading.cli.jobs_get", "Show one job, its payload and its attempts."),
    "wait": ("lading.cli.jobs_wait", "Wait until a job has ended."),
    "history": ("lading.cli.jobs_history", "Show what the ledger says of a job."),
    "create": ("lading.cli.jobs_create", "Make a job."),
    "create-batch": ("lading.cli.jobs_create_batch", "Make many jobs, all or none."),
    "kinds": ("lading.cli.jobs_kinds", "List the kinds of jobs, and which may be created."),
    "cancel": ("lading.cli.jobs_cancel", "Cancel a job that waits, ask a running one to stop."),
    "prioritise": ("lading.cli.jobs_prioritise", "Make a waiting job more or less urgent."),
    "retry": ("lading.cli.jobs_retry", "Let a waiting job run now; requeue a dead one."),
    "replay": ("lading.cli.jobs_replay", "Do an ended job once more, as a copy."),
    "bulk": ("lading.cli.jobs_bulk", "Steer many jobs at once by filter."),
}


@click.group(cls=LazyGroup, modules=_COMMANDS)
def command() -> None:
    """
    See the work behind exports; make, cancel, retry and replay jobs, one by one or many at once.

    Example: lading jobs list --state pending
    """
