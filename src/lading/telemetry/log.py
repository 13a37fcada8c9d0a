"""
Structured logs: one JSON object per line on standard error, for the server's processes.

An event is a past participle with fields (`job.crashed`, `job=…`); names are in EVENTS.  Values of fields whose name
speaks of a secret are replaced, and so is what looks like a token or the password of a URL, in any field and trace.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from lading import clock

EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "database.unavailable": "the database did not answer; the process goes on trying",
        "executor.garbled": "an executor said something that is no message; it was ended",
        "artifact.not_deleted": "a file that nothing points at could not be deleted; the next sweep tries again",
        "issuer.unavailable": "the keys of an identity provider could not be had",
        "executor.not_drained": "a light executor had not ended its jobs in the time to drain; it was ended",
        "executor.silent": "a light executor's loop stood still; it was ended",
        "feed.failed": "new events could not be read; the next look tries again",
        "handout.not_ended": "the end of a download could not be stored; its lease runs out by itself",
        "handout.not_renewed": "the lease of a download could not be renewed; it is tried again",
        "job.crashed": "an executor died under a job",
        "job.not_published": "an attempt's result could not be published; it counts as a failure",
        "job.not_settled": "an attempt's end could not be stored; its executor ends and the supervisor settles it",
        "job.failed": "a handler raised something nobody expected; the trace is below it",
        "job.overdue": "an attempt lasted longer than its job's deadline and is being stopped",
        "job.rescue_failed": "a job whose worker is lost could not be taken back",
        "lease.lost": "this worker could not renew its lease in time and stopped its jobs",
        "preview.failed": "the child that makes a preview ended without an answer",
        "login.refused": "somebody with a token was not let in",
        "request.denied": "a key or member asked for something its role may not do",
        "request.failed": "a request met an error nobody expected; the trace is below it",
        "request.unstorable": "a request held something the database can't store",
        "ledger.taken_back": "the database is behind what was signed, or beside it; that ledger is not extended",
        "ledger.unsound": "the rows of a ledger do not fit together; somebody changed them behind Lading",
        "run.sweep_failed": "what is not wanted any more in a run could not be ended; the next sweep tries again",
        "schedule.failed": "the work of a slot could not be made, for a reason nobody foresaw",
        "schedule.sweep_failed": "the slots of a schedule could not be decided; the next sweep tries again",
        "start.clock_differs": "this machine's clock is not the database's; let NTP set both",
        "start.few_connections": "fewer connections are left than this process may need; raise max_connections",
        "start.no_wakeups": "a NOTIFY did not come back: a pooler swallows LISTEN; everything waits for its next look",
        "sweep.failed": "a sweep met an error and will come again",
    }
)
_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_SECRET_NAME: Final = re.compile(r"token|secret|password|authorization|credential|dsn", re.IGNORECASE)
_SECRET_TEXT: Final = re.compile(
    r"ldg_[0-9a-z]{26}_[A-Za-z0-9_-]{20,}|ldl_[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|(?<=X-Amz-Signature=)[0-9A-Fa-f]+|(?<=X-Amz-Security-Token=)[^&\s]+"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)|(?<=Bearer )\S+"
)
_HIDDEN: Final = "***"


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; what JSON can't hold becomes text."""
        fields = {name: _hidden(name, value) for name, value in vars(record).items() if name not in _PLAIN}
        line = {
            "at": clock.show(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "event": redact(record.getMessage()),
            "logger": record.name,
            **fields,
        }
        if record.exc_info:
            line["trace"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str = "INFO") -> None:
    """Send every log of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # whoever started the server tells that it runs
    logging.getLogger("azure").setLevel(logging.WARNING)  # it tells every request


def redact(text: str) -> str:
    """
    Return the text without what looks like a secret.

    >>> redact("postgresql://ann:hunter2@db/x")
    'postgresql://***@db/x'
    """
    return _SECRET_TEXT.sub(_HIDDEN, text)


def _hidden(name: str, value: object) -> object:
    if _SECRET_NAME.search(name):
        return _HIDDEN
    return redact(value) if isinstance(value, str) else value
