"""
Everything that can be set from outside, read once at start.

Every value has a default that works on one machine.  Secrets come by environment or file, never by argument.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lading.errors import EnvironmentUnfit


@dataclass(frozen=True, slots=True)
class Settings:
    """
    The settings of one process tree.

    Durations in seconds; an `export_deadline_seconds` of 0 means none.
    An export of which at least `split_parts` parts are to be read is shared among workers; 0 means never.
    `database_url` None means the embedded PostgreSQL below `data_dir`.
    Lease and heartbeat: one lost heartbeat must never lose a lease, so heartbeat ≤ lease / 3.
    """

    data_dir: Path = field(default_factory=lambda: Path(".lading").resolve())
    database_url: str | None = field(default=None, repr=False)  # holds a password
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 2
    instance: str = "lading.local"
    lease_seconds: float = 30.0
    heartbeat_seconds: float = 5.0
    sweep_seconds: float = 5.0
    self_fence_seconds: float = 20.0
    drain_seconds: float = 25.0
    light_batch: int = 2000
    history_days: int = 400
    slots: str = "1"
    max_attempts: int = 8
    max_crashes: int = 3
    retention_days: int = 30
    artifact_grace_seconds: float = 3600.0
    source_timeout_seconds: float = 600.0
    export_deadline_seconds: int = 6 * 3600
    body_limit_bytes: int = 1 << 20
    queue_limit: int = 500_000
    tenant_queue_limit: int = 200_000
    split_parts: int = 2
    allowed_networks: str = ""
    delivery_roots: str = ""

    @property
    def blobs_dir(self) -> Path:
        """Return where artifacts and stage results are kept."""
        return self.data_dir / "blobs"

    @property
    def delivery_folders(self) -> tuple[Path, ...]:
        """Return the folders below which packages may be delivered."""
        return tuple(Path(each) for each in self.delivery_roots.split(os.pathsep) if each)

    @property
    def networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """Return the networks beside public ones that sources may be called in; ValueError when one is none."""
        return tuple(ipaddress.ip_network(each.strip()) for each in self.allowed_networks.split(",") if each.strip())

    @property
    def keys_dir(self) -> Path:
        """Return where signing keys are kept (0700)."""
        return self.data_dir / "keys"

    @property
    def trust_file(self) -> Path:
        """Return the public keys that an auditor pins."""
        return self.keys_dir / "trust.json"


_FIELDS = {
    "LADING_DATA_DIR": ("data_dir", lambda text: Path(text).expanduser().resolve()),
    "LADING_DATABASE_URL": ("database_url", str),
    "LADING_HOST": ("host", str),
    "LADING_PORT": ("port", int),
    "LADING_WORKERS": ("workers", int),
    "LADING_INSTANCE": ("instance", str),
    "LADING_LEASE_SECONDS": ("lease_seconds", float),
    "LADING_HEARTBEAT_SECONDS": ("heartbeat_seconds", float),
    "LADING_SWEEP_SECONDS": ("sweep_seconds", float),
    "LADING_SELF_FENCE_SECONDS": ("self_fence_seconds", float),
    "LADING_DRAIN_SECONDS": ("drain_seconds", float),
    "LADING_LIGHT_BATCH": ("light_batch", int),
    "LADING_HISTORY_DAYS": ("history_days", int),
    "LADING_WORKER_SLOTS": ("slots", str),
    "LADING_MAX_ATTEMPTS": ("max_attempts", int),
    "LADING_MAX_CRASHES": ("max_crashes", int),
    "LADING_RETENTION_DAYS": ("retention_days", int),
    "LADING_ARTIFACT_GRACE_SECONDS": ("artifact_grace_seconds", float),
    "LADING_SOURCE_TIMEOUT_SECONDS": ("source_timeout_seconds", float),
    "LADING_DELIVERY_ROOTS": ("delivery_roots", str),
    "LADING_ALLOWED_NETWORKS": ("allowed_networks", str),
    "LADING_QUEUE_LIMIT": ("queue_limit", int),
    "LADING_TENANT_QUEUE_LIMIT": ("tenant_queue_limit", int),
    "LADING_SPLIT_PARTS": ("split_parts", int),
    "LADING_EXPORT_DEADLINE_SECONDS": ("export_deadline_seconds", int),
}
_KINDS: Mapping[object, str] = {int: "a whole number", float: "a number"}
_MOST_WORKERS = 64
_MOST_QUEUED = 100_000_000
_MOST_SLOTS = 64
_LARGEST_BATCH = 5000
_LONGEST_HISTORY_DAYS = 100 * 366
_LONGEST_DEADLINE_SECONDS = 365 * 86_400


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings that `environment` asks for; EnvironmentUnfit names a variable that can't be read."""
    values: dict[str, object] = {}
    for variable, (name, convert) in _FIELDS.items():
        text = environment.get(variable, "")
        if not text:
            continue
        try:
            values[name] = convert(text)
        except ValueError:
            raise EnvironmentUnfit(f"{variable}={text!r} is not {_KINDS[convert]}; correct or unset it.") from None
    settings = Settings(**values)  # pyright: ignore[reportArgumentType]  # converted above, by name
    if not 1 <= settings.workers <= _MOST_WORKERS:
        raise EnvironmentUnfit(f"LADING_WORKERS={settings.workers} must be 1 to {_MOST_WORKERS}; correct it.")
    if not 1 <= settings.light_batch <= _LARGEST_BATCH:
        raise EnvironmentUnfit(f"LADING_LIGHT_BATCH={settings.light_batch} must be 1 to {_LARGEST_BATCH}; correct it.")
    if not 1 <= settings.history_days <= _LONGEST_HISTORY_DAYS:
        raise EnvironmentUnfit(
            f"LADING_HISTORY_DAYS={settings.history_days} must be 1 to {_LONGEST_HISTORY_DAYS}; correct it."
        )
    if settings.slots != "auto" and not (settings.slots.isdecimal() and 1 <= int(settings.slots) <= _MOST_SLOTS):
        raise EnvironmentUnfit(
            f"LADING_WORKER_SLOTS={settings.slots!r} must be auto, or 1 to {_MOST_SLOTS}; correct it."
        )
    if not 0 <= settings.export_deadline_seconds <= _LONGEST_DEADLINE_SECONDS:
        raise EnvironmentUnfit(
            f"LADING_EXPORT_DEADLINE_SECONDS={settings.export_deadline_seconds} must be 0 (none) to "
            f"{_LONGEST_DEADLINE_SECONDS} (a year); correct it."
        )
    for variable, number, least in (
        ("LADING_QUEUE_LIMIT", settings.queue_limit, 1),
        ("LADING_TENANT_QUEUE_LIMIT", settings.tenant_queue_limit, 1),
        ("LADING_SPLIT_PARTS", settings.split_parts, 0),
    ):
        if not least <= number <= _MOST_QUEUED:
            raise EnvironmentUnfit(f"{variable}={number} must be {least} to {_MOST_QUEUED}; correct it.")
    if not all(each.is_absolute() for each in settings.delivery_folders):
        raise EnvironmentUnfit(
            "LADING_DELIVERY_ROOTS must be absolute folders, with a colon between two of them; correct it."
        )
    _require_networks(settings)
    if settings.database_url is not None and not _is_address(settings.database_url):
        raise EnvironmentUnfit(  # what it is stays unsaid: it may hold a password
            "LADING_DATABASE_URL is not the address of a PostgreSQL; write postgresql://user:password@host:5432/database."
        )
    if settings.heartbeat_seconds * 3 > settings.lease_seconds:
        raise EnvironmentUnfit(
            f"LADING_HEARTBEAT_SECONDS={settings.heartbeat_seconds:g} must be at most a third of "
            f"LADING_LEASE_SECONDS={settings.lease_seconds:g}; lower the first or raise the second."
        )
    return settings


def _require_networks(settings: Settings) -> None:
    try:
        settings.networks  # noqa: B018 - read for its error
    except ValueError as error:
        raise EnvironmentUnfit(
            f"LADING_ALLOWED_NETWORKS must be networks such as 10.1.0.0/16,127.0.0.1 ({error}); correct it."
        ) from None


def _is_address(text: str) -> bool:
    return text.startswith(("postgresql://", "postgres://")) or "=" in text


def to_environment(settings: Settings) -> dict[str, str]:
    """
    Return the variables that make `from_environment` return `settings`, for the children of a process tree.

    >>> from_environment(to_environment(Settings(port=0))) == Settings(port=0)
    True
    """
    given = {variable: getattr(settings, name) for variable, (name, _) in _FIELDS.items()}
    return {variable: str(value) for variable, value in given.items() if value is not None}
