"""A small package with one of everything, for the tests of what builds and verifies packages."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lading.artifacts.manifest import Facts, ProfileFacts, RowFacts, Warned
from lading.artifacts.package import PackageSummary, PackedFile, build
from lading.ledger.keys import Signer
from lading.ledger.trust import Trust

SIGNER = Signer.of("package", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
TRUST = Trust("test", (SIGNER.public,))
FACTS = Facts(
    profile=ProfileFacts("bufdir", 3, "ab" * 32, "activities", "Aktivitetsrapport på norsk", "1"),
    tenant="nordlys",
    period_from="2025-01-01",
    period_to="2025-12-31",
    format="csv",
    rows=RowFacts(read=6, written=4, quarantined=1, duplicate=1),
    parameters={"activity_types": ["group_session"]},
    warnings=(Warned("attachment-missing", "An attachment is missing.", 2),),
    quarantine_codes={"required": 1},
    missing_attachments=2,
)


def pack(folder: Path, facts: Facts = FACTS, **changes: Any) -> tuple[bytes, PackageSummary]:
    contents = {
        "report": b"dato;type\r\n" + b"01.02.2025;kurs\r\n" * 4,
        "photo": b"\x89PNG" + bytes(range(40)),
        "scan": b"%PDF-1.7",
        "bad": b'{"code":"required","row":5}\n',
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    given: dict[str, Any] = {
        "reports": [PackedFile("report.csv", folder / "report")],
        "attachments": [
            PackedFile("attachments/2025-03/photo/kurs høst.png", folder / "photo"),
            PackedFile("attachments/2025-02/scan/a.pdf", folder / "scan"),
        ],
        "quarantine": folder / "bad",
        "facts": facts,
        "signer": SIGNER,
    }
    sink = io.BytesIO()
    summary = build(sink, **given | changes)
    return sink.getvalue(), summary
