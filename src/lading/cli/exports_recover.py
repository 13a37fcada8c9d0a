"""`lading exports recover`: go on with what an earlier command left unfinished."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from lading.cli import exits, output
from lading.cli.batch_items import Report
from lading.cli.options import Line, connected

_COLUMNS = {"key": "key", "server": "server", "tenant": "tenant", "began": "began", "unfinished": "unfinished"}


@click.command()
@click.option("--concurrency", type=click.IntRange(1, 10), default=5, metavar="N", help="How many at once (5).")
@click.option("--timeout", type=float, default=600.0, metavar="SECONDS", help="How long to wait for each (600).")
@click.option("--list", "only_list", is_flag=True, help="Only show what is unfinished, of every server.")
@click.option("--forget", metavar="KEY", help="Drop one that --list shows instead; the server is not asked.")
@connected
def command(line: Line, *, concurrency: int, timeout: float, only_list: bool, forget: str | None) -> int:
    """
    Go on with runs and batches that were killed, cut off or timed out: follow and download what they asked for.

    Nothing is asked for twice.  What another process works on is left to it.  Exit codes as for `exports batch`.

    Example: lading exports recover
    """
    from lading.client.journal import Journal, folder_of

    journal = Journal(folder_of())
    if forget is not None:
        is_gone = journal.forget(forget)
        output.talk(f"{forget} is forgotten." if is_gone else f"There is no {forget} that nobody works on.")
        return exits.OK if is_gone else exits.NOT_FOUND
    if only_list:
        output.rows(
            line.form,
            _COLUMNS,
            [
                {
                    "key": each.plan.key,
                    "server": each.plan.server,
                    "tenant": each.plan.tenant or each.plan.account,
                    "began": datetime.fromtimestamp(each.plan.began, UTC).isoformat(timespec="seconds"),
                    "unfinished": sum(item.end is None for item in each.items),
                }
                for each in journal.open()
            ],
        )
        return exits.OK
    with line.client() as client:
        report = Report(sys.stderr, total=None, form=line.form)
        try:
            with report:
                result = client.exports.recover(
                    concurrency=concurrency, timeout=timeout, on_item=report.ended, on_progress=report.moved
                )
        except KeyboardInterrupt:
            output.talk("\nDetached; it goes on at the server. Go on here with: lading exports recover")
            return exits.INTERRUPTED
    if not result.total:
        output.talk("Nothing is unfinished.")
        return exits.OK
    return report.tell(result)
