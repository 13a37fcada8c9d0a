"""What can be set from outside: every value has a default that works on one machine."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_BUCKET: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9._/-]{0,200}))?", re.ASCII)
_DATA: Final = "data"


@dataclass(frozen=True, slots=True)
class ArtifactPlaces:
    """Where published files are: the data directory always, and a bucket with a prefix if one is named."""

    bucket: str | None = None
    prefix: str = ""
    is_bucket_first: bool = False


def _places(text: str) -> ArtifactPlaces:
    """
    Return the places that `text` names; the first takes new files.

    >>> _places("s3://files/lading")
    ArtifactPlaces(bucket='files', prefix='lading/', is_bucket_first=True)
    >>> _places("data").bucket, _places("data,s3://files").is_bucket_first
    (None, False)
    """
    named = [each.strip() for each in text.split(",")]
    buckets = [each for each in named if each != _DATA]
    if len(named) > 2 or len(set(named)) < len(named) or len(buckets) > 1:
        raise ValueError("it names at most one bucket, and `data`")
    if not buckets:
        return ArtifactPlaces()
    found = _BUCKET.fullmatch(buckets[0])
    prefix = (found[2] or "").strip("/") if found else ""
    if found is None or any(each in {"", ".", ".."} for each in prefix.split("/") if prefix):
        raise ValueError("a bucket is written s3://bucket or s3://bucket/prefix")
    return ArtifactPlaces(found[1], f"{prefix}/" if prefix else "", named[0] != _DATA)


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
    database_pooler_url: str | None = field(default=None, repr=False)  # as above
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
    ledger_days: int = 0
    instance_log_seconds: float = 60.0
    ledger_marks: str = ""
    worker_slots: str = "1"
    max_attempts: int = 8
    max_crashes: int = 3
    retention_days: int = 30
    artifact_grace_seconds: float = 3600.0
    artifacts: str = "data"
    artifacts_endpoint: str = ""
    artifacts_region: str = "us-east-1"
    artifacts_credentials_ref: str = ""
    artifacts_public_endpoint: str = ""
    artifact_downloads: str = "through"
    artifact_url_seconds: int = 60
    source_timeout_seconds: float = 600.0
    export_deadline_seconds: int = 6 * 3600
    body_limit_bytes: int = 1 << 20
    connection_limit: int = 4096
    request_head_seconds: float = 15.0
    request_body_seconds: float = 30.0
    answer_seconds: float = 60.0
    download_limit: int = 256
    tenant_download_limit: int = 64
    download_seconds: float = 6 * 3600.0
    queue_limit: int = 500_000
    tenant_queue_limit: int = 200_000
    split_parts: int = 2
    allowed_networks: str = ""
    timestamp_url: str = ""
    timestamp_roots: str = ""
    signer_command: str = ""
    signer_url: str = ""
    signer_token_ref: str = ""
    signer_seconds: float = 10.0
    delivery_roots: str = ""

    @property
    def blobs_dir(self) -> Path:
        """Return where artifacts and stage results are kept."""
        return self.data_dir / "blobs"

    @property
    def artifact_places(self) -> ArtifactPlaces:
        """Return where published files are kept; ValueError says what is wrong."""
        return _places(self.artifacts)

    @property
    def delivery_folders(self) -> tuple[Path, ...]:
        """Return the folders below which packages may be delivered."""
        return tuple(Path(each) for each in self.delivery_roots.split(os.pathsep) if each)

    @property
    def networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """Return the networks beside public ones that sources may be called in; ValueError when one is none."""
        return tuple(ipaddress.ip_network(each.strip()) for each in self.allowed_networks.split(",") if each.strip())

    @property
    def mark_folders(self) -> tuple[Path, ...]:
        """Return the folders that hold the ledger's high-water marks."""
        return (self.data_dir / "marks", *(Path(each) for each in self.ledger_marks.split(os.pathsep) if each))

    @property
    def keys_dir(self) -> Path:
        """Return where signing keys are kept (0700)."""
        return self.data_dir / "keys"

    @property
    def trust_file(self) -> Path:
        """Return the public keys that an auditor pins."""
        return self.keys_dir / "trust.json"
