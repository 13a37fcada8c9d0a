"""Words kept with schedules: what an erasure takes away here (`ledger.erasure`)."""

from __future__ import annotations

from typing import Final

from lading.db.statements import Statements

FORGET: Final = Statements("lading.schedules")["forget_words"]
