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
    "retries": "retry_count",
    "waiting for": "waiting_for",
    "error": "error.message",
    "created": "created_at",
    "started": "started_at",
    "ended": "ended_at",
    "expires": "expires_at",
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
PROFILES: Final = {"name": "name", "active": "active_revision", "latest": "latest_revision"}
REVISIONS: Final = {
    "revision": "revision",
    "active": "is_active",
    "created": "created_at",
    "by": "created_by",
    "digest": "digest",
}
SOURCES: Final = {
    "name": "name",
    "kind": "kind",
    "credentials": "credentials_ref",
    "attachments": "attachments_ref",
    "timeout": "timeout_seconds",
    "version": "version",
}
TENANTS: Final = {"slug": "slug", "name": "name", "id": "id", "created": "created_at"}
KEYS: Final = {
    "id": "id",
    "name": "name",
    "role": "role",
    "created": "created_at",
    "expires": "expires_at",
    "revoked": "revoked_at",
    "last used": "last_used_at",
}
CHECKS: Final = {"check": "name", "ok": "ok", "detail": "detail"}
HISTORY: Final = {"at": "at", "type": "type", "by": "actor", "data": "data"}
RECEIPT: Final = {
    "entry": "index",
    "entry sha256": "entry_sha256",
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
PROFILE: Final = {"name": "name", "revision": "revision", "active": "is_active", "digest": "digest"}
MINTED: Final = {"id": "key.id", "name": "key.name", "role": "key.role", "expires": "key.expires_at", "token": "token"}
