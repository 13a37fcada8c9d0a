"""What lists and single things show: heading → field of the wire shape."""

from __future__ import annotations

from typing import Final

EXPORT: Final = {
    "id": "id",
    "status": "status",
    "stage": "stage",
    "percent": "progress.percent",
    "tenant": "tenant",
    "profile": "profile",
    "revision": "revision",
    "format": "format",
    "period": "period",
    "parameters": "parameters",
    "attachments": "include_attachments",
    "rows read": "rows.read",
    "rows written": "rows.written",
    "quarantined": "rows.quarantined",
    "duplicate": "rows.duplicate",
    "filtered": "rows.filtered",
    "retries": "retry_count",
    "waiting for": "waiting_for",
    "error": "error.message",
    "created": "created_at",
    "started": "started_at",
    "ended": "ended_at",
    "expires": "expires_at",
    "encrypt to": "encrypt_to",
    "package sha256": "package_sha256",
    "destinations": "destinations",
    "holds": "holds",
    "ledger entry": "receipt.index",
    "ledger root": "receipt.root_sha256",
}
EXPORTS: Final = {
    "id": "id",
    "status": "status",
    "profile": "profile",
    "format": "format",
    "period": "period",
    "rows": "rows.written",
    "created": "created_at",
}
BUNDLE: Final = {
    "id": "id",
    "status": "status",
    "percent": "progress.percent",
    "tenant": "tenant",
    "from entry": "start",
    "until entry": "end",
    "complete": "complete",
    "about": "about",
    "with artifacts": "with_artifacts",
    "with disclosures": "with_disclosures",
    "entries": "entries",
    "file": "file.name",
    "bytes": "file.size",
    "sha256": "file.sha256",
    "waiting for": "waiting_for",
    "error": "error.message",
    "asked by": "requested_by",
    "created": "created_at",
    "ended": "ended_at",
    "expires": "expires_at",
    "holds": "holds",
}
BUNDLES: Final = {
    "id": "id",
    "status": "status",
    "from entry": "start",
    "until entry": "end",
    "about": "about",
    "bytes": "file.size",
    "created": "created_at",
}
PROFILES: Final = {"name": "name", "active": "active_revision", "latest": "latest_revision"}
PROFILE: Final = {"name": "name", "revision": "revision", "active": "is_active", "digest": "digest"}
POLICIES: Final = {**PROFILES, "title": "title"}
POLICY: Final = {
    "name": "name",
    "revision": "revision",
    "active": "is_active",
    "version": "version",
    "digest": "digest",
}
POLICY_CHANGES: Final = {"change": "kind", "of": "what", "name": "name", "from → to": "details"}
VIOLATIONS: Final = {
    "policy": "policy",
    "revision": "revision",
    "rule": "rule",
    "about": "code",
    "why": "detail",
}
PLANNED: Final = {
    "type": "type",
    "profile": "profile",
    "revision": "revision",
    "format": "format",
    "period": "period",
    "parameters": "parameters",
    "attachments": "include_attachments",
    "source": "source",
    "destinations": "destinations",
    "encrypt to": "encrypt_to",
}
REVISIONS: Final = {
    "revision": "revision",
    "active": "is_active",
    "created": "created_at",
    "by": "created_by",
    "digest": "digest",
}
ACTIVATIONS: Final = {
    "revision": "revision",
    "from": "activated_at",
    "until": "until",
    "by": "activated_by",
    "rollback": "is_rollback",
    "ticket": "ticket",
    "reason": "reason",
}
FINDINGS: Final = {"line": "line", "path": "pointer", "finding": "message"}
CHANGES: Final = {**POLICY_CHANGES, "meaning": "meaning"}
SOURCES: Final = {
    "name": "name",
    "kind": "kind",
    "options": "options",
    "credentials": "credentials_ref",
    "attachments": "attachments_ref",
    "timeout": "timeout_seconds",
    "version": "version",
}
DESTINATIONS: Final = {
    "name": "name",
    "kind": "kind",
    "options": "options",
    "credentials": "credentials_ref",
    "object name": "object_name",
    "overwrite": "overwrite",
    "encrypt to": "encrypt_to",
    "timeout": "timeout_seconds",
    "version": "version",
}
DELIVERIES: Final = {
    "destination": "destination",
    "status": "status",
    "bytes": "bytes",
    "size": "size",
    "attempts": "attempts",
    "error": "error.code",
    "next attempt": "next_attempt_at",
    "job": "job",
    "location": "location",
}
LINK: Final = {
    "id": "id",
    "file": "artifact",
    "size": "size",
    "sha256": "sha256",
    "expires": "expires_at",
    "url": "url",
}
HOLDS: Final = {
    "id": "id",
    "export": "export",
    "profile": "profile",
    "type": "type",
    "from": "period_from",
    "to": "period_to",
    "placed": "placed_at",
    "ticket": "ticket",
    "reason": "reason",
}
HOLD: Final = {
    "id": "id",
    "export": "export",
    "profile": "profile",
    "type": "type",
    "requested by": "requested_by",
    "from": "period_from",
    "to": "period_to",
    "exports kept": "exports",
    "placed": "placed_at",
    "placed by": "placed_by",
    "reason": "reason",
    "ticket": "ticket",
    "lifted": "lifted_at",
    "lifted by": "lifted_by",
    "why lifted": "lift_reason",
}
RETENTION_RULES: Final = {
    "rule": "rule",
    "days": "days",
    "set": "set_at",
    "by": "set_by",
    "version": "version",
    "ticket": "ticket",
    "reason": "reason",
}
RETENTION_APPLIED: Final = {"dry run": "dry_run", "exports": "exports", "over at once": "due"}
TENANTS: Final = {
    "slug": "slug",
    "name": "name",
    "id": "id",
    "created": "created_at",
    "suspended": "suspended_at",
    "why": "suspend_reason",
    "version": "version",
}
KEYS: Final = {
    "id": "id",
    "name": "name",
    "role": "role",
    "scopes": "scopes",
    "created": "created_at",
    "expires": "expires_at",
    "revoked": "revoked_at",
    "last used": "last_used_at",
}
KEY: Final = {**KEYS, "created by": "created_by", "replaces": "replaces"}
MEMBERS: Final = {
    "id": "id",
    "state": "state",
    "role": "role",
    "name": "name",
    "email": "email",
    "last seen": "last_seen_at",
}
MEMBER: Final = {
    **MEMBERS,
    "scopes": "scopes",
    "role by claims": "is_claimed",
    "issuer": "issuer",
    "subject": "subject",
    "created": "created_at",
    "created by": "created_by",
    "joined": "joined_at",
    "removed": "removed_at",
    "version": "version",
}
PROVIDERS: Final = {
    "name": "name",
    "issuer": "issuer",
    "audience": "audience",
    "required claims": "require",
    "roles": "roles",
    "version": "version",
}
ME: Final = {
    "id": "id",
    "kind": "kind",
    "name": "name",
    "role": "role",
    "scopes": "scopes",
    "tenant": "tenant",
    "all tenants": "is_instance",
    "expires": "expires_at",
}
CHECKS: Final = {"check": "name", "ok": "ok", "detail": "detail"}
EVENTS: Final = {"id": "id", "at": "at", "type": "type", "subject": "subject", "data": "data"}
HISTORY: Final = {"at": "at", "type": "type", "by": "actor", "data": "data"}
RECEIPT: Final = {
    "entry": "index",
    "entry sha256": "entry_sha256",
    "tree size": "tree_size",
    "root sha256": "root_sha256",
}
EXTRACT: Final = {
    "tenant": "tenant",
    "from": "start",
    "to": "end",
    "format": "format",
    "entries": "entries",
    "bytes": "bytes",
    "sha256": "sha256",
    "tree size": "tree_size",
    "root sha256": "root_sha256",
}
LEDGER_REPORT: Final = {
    "ledger": "origin",
    "tenant": "tenant",
    "entries": "size",
    "root sha256": "root_sha256",
    "signed by": "keyid",
    "first entry": "first_at",
    "last entry": "last_at",
}
MINTED: Final = {
    "id": "key.id",
    "name": "key.name",
    "role": "key.role",
    "scopes": "key.scopes",
    "expires": "key.expires_at",
    "token": "token",
}
ARTIFACTS: Final = {
    "sha256": "sha256",
    "size": "size",
    "export": "export",
    "job": "job",
    "attempt": "attempt",
    "downloads": "downloads",
    "created": "created_at",
    "name": "name",
}
CONTENT: Final = {
    "sha256": "sha256",
    "size": "size",
    "state": "state",
    "created": "created_at",
    "tombstoned": "tombstoned_at",
    "ledger entry": "receipt.index",
    "ledger root": "receipt.root_sha256",
}
INPUTS: Final = {"made from": "kind", "size": "size", "sha256": "sha256", "name": "name"}
CONTENT_FAULTS: Final = {"sha256": "sha256", "size": "size", "problem": "problem"}
COLLECTION: Final = {"dry run": "dry_run", "contents": "contents", "bytes": "bytes", "files": "files"}
WEBHOOKS: Final = {
    "id": "id",
    "url": "url",
    "topics": "topics",
    "types": "types",
    "enabled": "is_enabled",
    "disabled because": "disabled_because",
    "failing since": "failing_since",
    "version": "version",
}
MESSAGES: Final = {
    "id": "id",
    "event": "event",
    "type": "type",
    "state": "state",
    "attempts": "attempts",
    "status": "status",
    "error": "error",
    "created": "created_at",
}
