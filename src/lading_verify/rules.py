"""
What each type of entry does to the state of its subject: from which states, to which.

Written from the meaning of the ledger's entries, not from the server's code: where both disagree, one of them is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

What: TypeAlias = Literal["job", "export", "run"]

# The state that an entry of an early version left unsaid: not running and not ended.
WAITING: Final = "waiting"
_WAITS: Final = frozenset({WAITING, "blocked", "pending", "scheduled"})
_RUNS: Final = frozenset({"running"})
_DUE: Final = frozenset({WAITING, "pending"})
_LATER: Final = frozenset({WAITING, "scheduled"})
_STUCK: Final = frozenset({WAITING, "blocked"})
_LIVE: Final = _WAITS | _RUNS
_OPEN: Final = frozenset({"pending", "running"})
_FAILED: Final = frozenset({"failed", "cancelled"})
_OVER: Final = frozenset({"completed", "failed", "cancelled", "expired"})
ENDED: Final = _OVER | {"dead"}


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One type of entry: it is legal in the states `before` (None: the subject must be new) and leads to `after`.

    `after` None leaves the state as it is; SAID takes it from `data.state`.  An entry that `fails` tells a code.
    `is_silent` entries carry no rev but count as one.
    """

    what: What
    before: frozenset[str] | None
    after: str | None
    fails: bool = False
    is_silent: bool = False


SAID: Final = "(said)"

RULES: Final[dict[str, Rule]] = {
    "job.enqueued": Rule("job", None, SAID),
    "job.promoted": Rule("job", _LATER, "pending"),
    "job.hastened": Rule("job", _LATER, "pending"),
    "job.unblocked": Rule("job", _STUCK, SAID),
    "job.prioritised": Rule("job", _WAITS, None),
    "job.claimed": Rule("job", _DUE, "running"),
    "job.started": Rule("job", _RUNS, "running"),
    "job.cancel_requested": Rule("job", _RUNS, None),
    "job.completed": Rule("job", _RUNS, "completed"),
    "job.retried": Rule("job", _RUNS, SAID, fails=True),
    "job.parked": Rule("job", _RUNS, SAID, fails=True),
    "job.rescued": Rule("job", _RUNS, SAID, fails=True),
    "job.snoozed": Rule("job", _RUNS, SAID),
    "job.released": Rule("job", _RUNS, SAID),
    "job.dead": Rule("job", _RUNS, "dead", fails=True),
    "job.cancelled": Rule("job", _LIVE, "cancelled", fails=True),
    "job.requeued": Rule("job", frozenset({"dead"}), "pending", is_silent=True),
    "export.created": Rule("export", None, "pending"),
    "export.started": Rule("export", frozenset({"pending"}), "running"),
    "export.stage_started": Rule("export", _RUNS, None),
    "export.stage_completed": Rule("export", _RUNS, None),
    "export.parts_planned": Rule("export", _RUNS, None),
    "export.part_completed": Rule("export", _OPEN | _FAILED, None),  # a part may end after its export was stopped
    "export.parts_reopened": Rule("export", _OPEN, None),
    "export.split": Rule("export", _RUNS, None),
    "export.completed": Rule("export", _OPEN, "completed"),
    "export.failed": Rule("export", _OPEN, "failed", fails=True),
    "export.cancelled": Rule("export", _OPEN, "cancelled", fails=True),
    "export.cancel_requested": Rule("export", _OPEN, None),
    "export.retried": Rule("export", _FAILED, "pending"),
    "export.deleted": Rule("export", _OVER, None),
    "export.expired": Rule("export", frozenset({"completed"}), "expired"),
    "approval.requested": Rule("export", frozenset({"pending"}), None),
    "approval.approved": Rule("export", frozenset({"pending"}), None),
    "approval.rejected": Rule("export", frozenset({"pending"}), None),
    "approval.expired": Rule("export", frozenset({"pending"}), None),
    "run.created": Rule("run", None, "running"),
    "run.failing": Rule("run", _RUNS, None),
    "run.cancel_requested": Rule("run", _RUNS, None),
    "run.completed": Rule("run", _RUNS, "completed"),
    "run.failed": Rule("run", _RUNS, "failed"),
    "run.cancelled": Rule("run", _RUNS, "cancelled"),
}

BATCHES: Final[dict[str, Rule]] = {
    "jobs.enqueued": Rule("job", None, SAID),
    "jobs.unblocked": Rule("job", _STUCK, SAID),
    "jobs.started": Rule("job", _DUE, "running"),
    "jobs.completed": Rule("job", _RUNS, "completed"),
}
"""Entries that tell the same of many jobs at once: `data.jobs` names each, `job_…` or `job_…:attempt`."""

THROTTLES: Final[dict[str, tuple[str, str]]] = {
    "bucket.set": ("bucket", "set"),
    "bucket.adapted": ("bucket", "adapted"),
    "bucket.dropped": ("bucket", "dropped"),
    "quota.set": ("quota", "set"),
    "quota.dropped": ("quota", "dropped"),
    "call_quota.set": ("call_quota", "set"),
    "call_quota.dropped": ("call_quota", "dropped"),
    "allocation.set": ("allocation", "set"),
    "allocation.reset": ("allocation", "dropped"),
    "pause.set": ("pause", "set"),
    "blackout.set": ("pause", "set"),
    "pause.lifted": ("pause", "lifted"),
    "breaker.opened": ("breaker", "open"),
    "breaker.closed": ("breaker", "closed"),
    "lane.blocked": ("lane", "blocked"),
    "lane.released": ("lane", "released"),
}
"""What kind of throttle an entry tells of, and the state it leads to."""
