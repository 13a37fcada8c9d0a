"""What lists and single things of jobs, limits, runs and schedules show: heading → field of the wire shape."""

from __future__ import annotations

from typing import Final

JOBS: Final = {
    "id": "id",
    "state": "state",
    "kind": "kind",
    "source": "source",
    "priority": "priority",
    "waiting for": "waiting_for",
    "created": "created_at",
    "works for": "subject",
}
KINDS: Final = {"kind": "name", "may be created": "may_create", "what it does": "description"}
JOB: Final = {
    "id": "id",
    "state": "state",
    "kind": "kind",
    "source": "source",
    "works for": "subject",
    "run": "run",
    "replay of": "replay_of",
    "priority": "priority",
    "waiting for": "waiting_for",
    "eligible": "eligible_at",
    "attempt": "attempt",
    "failures": "failures",
    "crashes": "crashes",
    "most attempts": "max_attempts",
    "seconds at most": "deadline_seconds",
    "payload": "payload",
    "payload sha256": "payload_digest",
    "error": "error.message",
    "created": "created_at",
    "started": "started_at",
    "ended": "ended_at",
    "cancel asked": "cancel_requested_at",
}
LETTERS: Final = {
    "job": "job",
    "state": "state",
    "kind": "kind",
    "source": "source",
    "died": "died_at",
    "code": "code",
    "fingerprint": "fingerprint",
    "message": "message",
}
LETTER: Final = {
    "job": "job",
    "state": "state",
    "kind": "kind",
    "source": "source",
    "works for": "subject",
    "died": "died_at",
    "times died": "deaths",
    "attempt": "attempt",
    "code": "code",
    "message": "message",
    "fingerprint": "fingerprint",
    "closed": "closed_at",
    "closed by": "closed_by",
    "reason": "reason",
    "ticket": "ticket",
}
CLUSTERS: Final = {
    "fingerprint": "fingerprint",
    "count": "count",
    "kind": "kind",
    "code": "code",
    "first": "first_at",
    "last": "last_at",
    "message": "message",
}
LETTER_HEALTH: Final = {"level": "level", "open": "open"}
LETTER_STATS: Final = {
    "open": "open",
    "requeued": "requeued",
    "resolved": "resolved",
    "discarded": "discarded",
    "died again": "died_again",
}
ACTIONS: Final = {"action": "action", "matched": "matched", "done": "done", "such as": "sample"}
BULK: Final = {"matched": "matched", "done": "done"}
CALL_QUOTAS: Final = {
    "name": "name",
    "per hour": "max_per_hour",
    "used": "used_this_hour",
    "per day": "max_per_day",
    "used today": "used_today",
    "at most waiting": "max_waiting",
    "waiting": "waiting",
    "reason": "reason",
}
QUOTAS: Final = {
    "kind": "kind",
    "active": "active",
    "most active": "max_active",
    "most per hour": "max_per_hour",
    "burst": "burst",
    "reason": "reason",
    "ticket": "ticket",
}
THROTTLES: Final = {
    "kind": "kind",
    "source": "source",
    "waiting for": "waiting_for",
    "until": "eligible_at",
    "since": "since",
    "jobs": "pending",
}
RATE_LIMITS: Final = {
    "source": "source",
    "rate": "rate",
    "burst": "burst",
    "left now": "tokens",
    "factor": "factor",
    "rate now": "effective_rate",
    "blocked until": "blocked_until",
    "learnt": "is_learnt",
    "reason": "reason",
    "ticket": "ticket",
}
RETRY_POLICIES: Final = {
    "kind": "kind",
    "class": "fault_class",
    "most attempts": "max_attempts",
    "base seconds": "base_seconds",
    "cap seconds": "cap_seconds",
    "shipped": "is_shipped",
    "reason": "reason",
    "ticket": "ticket",
}
ALLOCATIONS: Final = {
    "tenant": "tenant",
    "strategy": "strategy",
    "value": "value",
    "granted now": "granted",
    "most queued": "max_queued",
    "reason": "reason",
    "ticket": "ticket",
}
BREAKERS: Final = {
    "source": "source",
    "state": "state",
    "failures": "failures",
    "tries again": "retry_at",
    "changed": "changed_at",
}
SLOWED: Final = {
    "scope": "scope",
    "target": "target",
    "rate": "rate",
    "most active": "max_active",
    "most per hour": "max_per_hour",
    "burst": "burst",
    "not before": "until",
    "ticket": "ticket",
    "reason": "reason",
}
PAST_PAUSES: Final = {
    "id": "id",
    "scope": "scope",
    "target": "target",
    "from": "starts_at",
    "until": "ends_at",
    "lifted by": "lifted_by",
    "reason": "reason",
    "why lifted": "lift_reason",
}
PAUSES: Final = {
    "id": "id",
    "scope": "scope",
    "target": "target",
    "from": "starts_at",
    "until": "ends_at",
    "by": "created_by",
    "ticket": "ticket",
    "reason": "reason",
}
RUNS: Final = {
    "id": "id",
    "state": "state",
    "nodes": "nodes",
    "created": "created_at",
    "ended": "ended_at",
    "replay of": "replay_of",
    "name": "name",
}
RUN: Final = {
    "id": "id",
    "name": "name",
    "state": "state",
    "percent": "percent",
    "nodes": "nodes",
    "on failure": "on_failure",
    "replay of": "replay_of",
    "by": "requested_by",
    "created": "created_at",
    "ended": "ended_at",
    "cancel asked": "cancel_requested_at",
}
NODES: Final = {
    "key": "key",
    "state": "state",
    "kind": "kind",
    "source": "source",
    "waiting for": "waiting_for",
    "attempt": "attempt",
    "job": "job",
    "error": "error.message",
}
BARS: Final = {
    "key": "key",
    "state": "state",
    "start": "start_seconds",
    "end": "end_seconds",
    "critical": "is_critical",
    "kind": "kind",
}
CRITICAL: Final = {"key": "key", "state": "state", "seconds": "seconds", "basis": "basis"}
SCHEDULES: Final = {
    "name": "name",
    "state": "state",
    "cron": "cron",
    "zone": "zone",
    "next": "next_local",
    "failures": "failures",
    "failure": "failure",
    "waiting": "waiting",
}
SCHEDULE: Final = {
    "name": "name",
    "id": "id",
    "state": "state",
    "cron": "cron",
    "zone": "zone",
    "kind": "kind",
    "payload": "payload",
    "period": "period",
    "source": "source",
    "priority": "priority",
    "attempts": "max_attempts",
    "deadline": "deadline_seconds",
    "catch up": "catch_up",
    "overlap": "overlap",
    "from": "starts_at",
    "until": "ends_at",
    "next": "next_local",
    "paused": "pause.at",
    "paused by": "pause.by",
    "reason": "pause.reason",
    "ticket": "pause.ticket",
    "owner": "owner",
    "role": "owner_role",
    "failures": "failures",
    "failure": "failure",
    "waiting": "waiting",
    "zone rules": "tzdata",
    "version": "version",
}
PLANNED_SLOTS: Final = {"local": "local", "at": "at", "moved": "moved", "period": "period"}
SLOTS: Final = {
    "slot": "local",
    "outcome": "outcome",
    "code": "code",
    "missed": "missed",
    "manual": "manual",
    "late": "late",
    "made": "subject",
    "state": "state",
    "decided": "decided_at",
    "why": "message",
}
