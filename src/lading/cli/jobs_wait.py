"""`lading jobs wait`: follow one job until it ends."""

from __future__ import annotations

import sys

import click

from lading.cli import exits, output
from lading.cli.job_view import show
from lading.cli.options import Line, connected
from lading.cli.progress import waiting


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--timeout", type=float, default=None, metavar="SECONDS", help="How long to wait (until it ends).")
@connected
def command(line: Line, job_id: str, timeout: float | None) -> int:
    """
    Wait until a job has ended; exit code 20 if it is dead or was cancelled, 21 after the timeout.

    Example: lading jobs wait job_01ke2m0v8ye6h9y3v4n5p6q7r8 --timeout 600
    """
    with line.client() as client:
        try:
            with waiting(f"{job_id} goes on", stream=sys.stderr):
                job = client.jobs.wait(job_id, timeout=timeout)
        except KeyboardInterrupt:
            output.tell(f"\nDetached; {job_id} goes on. Wait for it again: lading jobs wait {job_id}")
            return exits.INTERRUPTED
    show(line, job)
    return exits.OK if job.state == "completed" else exits.EXPORT_FAILED
