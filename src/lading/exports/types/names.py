"""The types of export that need no profile; no profile may call itself one of them."""

from __future__ import annotations

from typing import Final

EVIDENCE_PACK: Final = "evidence_pack"
AUDIT_REPORT: Final = "audit_report"
SNAPSHOT: Final = "snapshot"
AUDIT_BUNDLE: Final = "audit_bundle"
"""Asked for as a bundle, never as an export."""
OWN: Final = (EVIDENCE_PACK, AUDIT_REPORT, SNAPSHOT)
