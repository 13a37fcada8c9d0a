"""
Every setting once: its variable, its key in the file, what it takes and what it means.

The reference page and `lading config` are made of this table; a test compares it with the fields of Settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOST_QUEUED: Final = 100_000_000
_DAY_SECONDS: Final = 86_400
_YEAR_SECONDS: Final = 365 * _DAY_SECONDS
KINDS: Final[Mapping[object, str]] = {int: "a whole number", float: "a number"}


@dataclass(frozen=True, slots=True)
class Setting:
    """
    One setting; `name` is its field in Settings and its key in the file.

    A number is `least` to `most`; `zero` says what 0 means where it is no amount.  `flag` is the option of `lading up`.
    A `joint` joins what a list in the file holds.  What is `secret` is never shown.
    """

    name: str
    means: str
    convert: Callable[[str], object] = str
    least: float | None = None
    most: float | None = None
    zero: str = ""
    flag: str = ""
    joint: str = ""
    secret: bool = False

    @property
    def variable(self) -> str:
        """Return the variable of the environment."""
        return f"LADING_{self.name.upper()}"

    @property
    def takes(self) -> str:
        """
        Return what values are right, for people.

        >>> Setting("workers", "", int, 1, 64).takes
        'a whole number, 1 to 64'
        """
        return f"{KINDS[self.convert]}, {self.range}" if self.convert in KINDS else ""

    @property
    def range(self) -> str:
        """Return the least and the most it may be, or nothing."""
        if self.least is None or self.most is None:
            return ""
        return f"{self.least:.12g}{f' ({self.zero})' if self.zero else ''} to {self.most:.12g}"

    def admits(self, value: float) -> bool:
        """Tell whether `value` is within the range; what is not a number is not."""
        return self.least is None or self.most is None or self.least <= value <= self.most


def _path(text: str) -> Path:
    return Path(text).expanduser().resolve()


TABLE: Final = (
    Setting("data_dir", "database, files and keys", _path, flag="--data-dir"),
    Setting(
        "database_url",
        "a PostgreSQL (15 or newer) of yours instead of the embedded one; its user owns it and has CREATEROLE",
        secret=True,
    ),
    Setting(
        "database_pooler_url",
        "a pooler in front of that PostgreSQL, such as PgBouncer in transaction mode, for requests of the API; what "
        "needs a session of its own goes by `database_url`",
        secret=True,
    ),
    Setting("host", "where the API listens", flag="--host"),
    Setting("port", "the port of the API", int, 0, 65_535, zero="any free one", flag="--port"),
    Setting("workers", "worker processes of `lading up`", int, 1, 64, flag="--workers"),
    Setting("instance", "the name of this installation in signed heads"),
    Setting(
        "worker_slots",
        "executors of each worker: how many exports it runs at once, 1 to 64; `auto`: another one while all are busy, "
        "more waits, and load and memory allow",
    ),
    Setting("light_batch", "how many light jobs a worker holds at once", int, 1, 5000),
    Setting("lease_seconds", "how long a worker that is silent keeps its jobs", float, 0.1, 3600),
    Setting(
        "heartbeat_seconds", "how often a worker says that it lives; at most a third of the lease", float, 0.01, 1200
    ),
    Setting(
        "self_fence_seconds", "a worker that can't reach the database for so long stops its jobs", float, 0.01, 3600
    ),
    Setting("sweep_seconds", "how often lost workers and due jobs are looked for", float, 0.01, 600),
    Setting("drain_seconds", "how long workers may take to reach a checkpoint at the end", float, 0, 86_400),
    Setting("max_attempts", "attempts at an export before it is a dead letter", int, 1, 100),
    Setting("max_crashes", "crashes of workers before a job is a dead letter", int, 1, 100),
    Setting(
        "ledger_marks",
        "folders beside the data directory that keep how far ledgers have come; restored with no database",
        joint=":",
    ),
    Setting(
        "instance_log_seconds", "how often the heads of all ledgers are put into the instance's log", float, 1, 86_400
    ),
    Setting("ledger_days", "how long entries of ledgers are kept at least", int, 0, 36_600, zero="for ever"),
    Setting("history_days", "how long ended jobs, attempts, closed leases and dead letters are kept", int, 1, 36_600),
    Setting("retention_days", "how long files of a completed export are kept", int, 1, 36_600),
    Setting(
        "artifact_grace_seconds",
        "how young a stored file must be to be left alone though nothing points at it",
        float,
        0,
        _YEAR_SECONDS,
    ),
    Setting(
        "artifacts",
        "where new published files are kept: `data`, below the data directory, or `s3://bucket/prefix`; a second "
        "place, after a comma, holds older ones",
        joint=",",
    ),
    Setting("artifacts_endpoint", "the URL of a server that speaks S3, if that bucket is not at AWS"),
    Setting("artifacts_region", "the region of the bucket"),
    Setting(
        "artifacts_credentials_ref",
        "where the bucket's `ACCESS_KEY_ID:SECRET_ACCESS_KEY` is: `env:NAME`, `file:/path`, `systemd:NAME`, …",
    ),
    Setting(
        "artifacts_public_endpoint", "the URL by which those who download reach the bucket, if it is another than ours"
    ),
    Setting(
        "artifact_downloads",
        "how files in the bucket are handed out: `through` this server, or by a `redirect` to a URL of the bucket",
    ),
    Setting("artifact_url_seconds", "how long such a URL is good", int, 1, 3600),
    Setting("source_timeout_seconds", "how long one question to a source may take", float, 0.01, _YEAR_SECONDS),
    Setting(
        "export_deadline_seconds", "how long one attempt at an export may last", int, 0, _YEAR_SECONDS, zero="for ever"
    ),
    Setting("body_limit_bytes", "how long the body of a request may be", int, 1, 1 << 30),
    Setting("connection_limit", "how many connections one API process holds; more are refused", int, 1, 1_000_000),
    Setting("request_head_seconds", "how long the head of a request may take to come", float, 0.01, 3600),
    Setting("request_body_seconds", "how long the body of a request may take to come", float, 0.01, 3600),
    Setting("answer_seconds", "a client that leaves its answer lying for so long is cut", float, 0.01, 86_400),
    Setting("download_limit", "how many files one API process hands out at once", int, 1, 1_000_000),
    Setting("tenant_download_limit", "how many of them may be one tenant's", int, 1, 1_000_000),
    Setting("download_seconds", "a download that lasts longer is cut; it may be resumed", float, 0.01, 30 * 86_400),
    Setting("queue_limit", "how many jobs of all tenants may not have ended; more are refused", int, 1, _MOST_QUEUED),
    Setting("tenant_queue_limit", "how many jobs of one tenant may not have ended", int, 1, _MOST_QUEUED),
    Setting(
        "split_parts",
        "from how many missing parts on an export that is read in parts is shared among workers",
        int,
        0,
        _MOST_QUEUED,
        zero="never",
    ),
    Setting(
        "allowed_networks",
        "networks beside the public ones that sources and destinations may be called in, such as "
        "`10.20.0.0/16,192.0.2.7`",
        joint=",",
    ),
    Setting(
        "signer_command",
        "a program that keeps the signing keys instead of files, such as one that speaks to a PKCS#11 module; with its "
        "arguments, run without a shell",
    ),
    Setting("signer_url", "a service that keeps the signing keys instead of files, asked over HTTPS"),
    Setting("signer_token_ref", "where that service's bearer token is: `env:NAME`, `file:/path`, `systemd:NAME`, …"),
    Setting("signer_seconds", "how long a signer that keeps the keys may take for one signature", float, 0.1, 300),
    Setting("timestamp_url", "a time-stamp authority (RFC 3161) that stamps the heads of the instance's log"),
    Setting("timestamp_roots", "a file of the certificates (PEM) that vouch for that authority"),
    Setting("delivery_roots", "folders below which packages may be delivered, with a colon between two", joint=":"),
)
BY_NAME: Final = {each.name: each for each in TABLE}
