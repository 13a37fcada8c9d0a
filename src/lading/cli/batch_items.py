"""How a batch is shown: a bar for each export that is under way, a table of all of them at the end, one exit code."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TextIO

from lading.cli import exits, output
from lading.cli.bars import Bars
from lading.cli.progress import state

if TYPE_CHECKING:
    from lading.client.batching import BatchItem, BatchResult

COLUMNS: Final = {
    "n": "n", "state": "state", "export": "export", "what": "what", "seconds": "seconds", "code": "code",
    "path or error": "told",
}  # fmt: skip


class Report:
    """What is shown of one batch; `total` is how many items there will be, if that is known."""

    def __init__(self, stream: TextIO, *, total: int | None, form: str) -> None:
        self._bars = Bars(stream, total=total)
        self._form = form

    def __enter__(self) -> Self:
        """Begin to show."""
        self._bars.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take away what was drawn."""
        self._bars.__exit__(kind, error, at)

    def moved(self, item: BatchItem) -> None:
        """Show how far an item is."""
        if item.export is not None:
            percent, rows = item.export.progress.percent, item.export.progress.rows
            self._bars.show(str(item.index), label(item), state(item.export), done=percent, total=100.0, rows=rows)

    def ended(self, item: BatchItem) -> None:
        """Say how an item ended."""
        said = item.state if item.error is None else f"{item.state}: {item.error.message}"
        self._bars.end(str(item.index), label(item), said, is_good=item.state == "completed")

    def tell(self, result: BatchResult) -> int:
        """Print what became of all of them, and return the exit code."""
        items = [facts(each) for each in result.items]
        if self._form == "json":
            totals = {"total": result.total, "succeeded": result.succeeded, "failed": result.failed}
            output.document({"items": items, **totals, "seconds": round(result.seconds, 3)})
        else:
            output.rows(self._form, COLUMNS, items)
        output.talk(
            f"{result.succeeded} of {result.total} completed in {result.seconds:.1f} s; {result.failed} did not."
        )
        return code_of(result)


def code_of(result: BatchResult) -> int:
    """Return 0 when all are completed, 21 when the others only did not end in time, else 20."""
    bad = {each.state for each in result.items} - {"completed"}
    if not bad:
        return exits.OK
    return exits.TIMEOUT if bad == {"timed-out"} else exits.EXPORT_FAILED


def label(item: BatchItem) -> str:
    """Return what people call the item."""
    request = item.request
    period = "" if request.period is None else f" {request.period.get('from')}..{request.period.get('to')}"
    chosen = ", ".join(str(value) for value in request.parameters.values())
    return output.plain(f"{request.profile or request.type or 'export'}{period} {chosen}".strip())[:80]


def facts(item: BatchItem) -> dict[str, Any]:
    """Return what is printed of an item."""
    error = item.error
    return {
        "n": item.index + 1,
        "state": item.state,
        "export": item.export_id,
        "what": label(item),
        "seconds": round(item.seconds, 3),
        "code": None if error is None else error.export_code or error.code,
        "told": (str(item.path) if item.path else None) if error is None else error.message,
        "path": str(item.path) if item.path else None,
        "error": None if error is None else {"code": error.code, "export_code": error.export_code,
                                             "message": error.message, "recoverable": error.recoverable,
                                             "retryable": error.retryable, "request_id": error.request_id},
        "is_resumed": item.is_resumed,
    }  # fmt: skip
