"""From the command line to a verified package: every type of export that needs no profile, and a delta."""

# E1, E9, E12

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from lading.cli import exits
from tests.flow.test_cli import desk, source, tree

__all__ = ["desk", "source", "tree"]
Desk = Callable[..., CompletedProcess[str]]


def test_each_type_is_asked_for_followed_fetched_and_verified(desk: Desk, tmp_path: Path) -> None:
    def names(*arguments: str) -> set[str]:
        ran = desk("exports", "run", *arguments, "--output", str(tmp_path / "out"))
        assert ran.returncode == exits.OK, ran.stderr
        package = Path(ran.stdout.splitlines()[-1])
        assert desk("verify", str(package)).returncode == exits.NOT_PINNED
        return set(zipfile.ZipFile(package).namelist())

    made = desk("exports", "create", "visits", "--period", "2025", "--format", "csv")
    base = made.stdout.strip()
    assert desk("exports", "wait", base).returncode == exits.OK, made.stderr

    assert {"cover.pdf", "ledger.ndjson", "proofs.json"} <= names("--type", "evidence_pack", "--export", base)
    assert {"audit_report.pdf", "events.csv"} <= names("--type", "audit_report", "--period", "2025-01-01..2034-12-31")
    assert {"schema.json", "visits.parquet"} <= names("--type", "snapshot", "--source", "visits", "--table", "visits")
    assert any(name.endswith("_delta.csv") for name in names("visits", "--period", "2025", "--base", base))


def test_what_can_not_be_is_told_on_the_command_line(desk: Desk) -> None:
    for arguments, code, words in (
        (("--type", "evidence_pack", "--export", "exp_1"), exits.USAGE, "exp_1"),
        (("--type", "audits", "--period", "2025"), exits.USAGE, "no type of export"),
        (("visits",), exits.USAGE, "--period"),
        ((), exits.USAGE, "PROFILE"),
    ):
        ran = desk("exports", "create", *arguments)

        assert ran.returncode == code, ran.stderr
        assert words in ran.stderr
