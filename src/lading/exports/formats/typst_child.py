"""
Compile one document and end: `python -I typst_child.py FOLDER EPOCH_SECONDS`.

Run by path as a disposable child, because the compiler's memory grows with every document and never shrinks.  It
imports nothing of Lading, sees one folder (`report.typ`, `data.json`) and writes `report.pdf` there.  Fonts are those
inside the compiler only, so that the bytes do not depend on the machine.
"""

from __future__ import annotations

import datetime
import re
import resource
import sys
from pathlib import Path

import typst

MEMORY_BYTES = 2 << 30
# Whoever waits gives up before; this ends a child whose parent was killed.
CPU_SECONDS = 300


def main(folder: Path, epoch: int) -> None:
    """Compile `report.typ` in `folder` to PDF/A-2a and PDF/UA-1, dated to `epoch`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    compiler = typst.Compiler(root=str(folder), ignore_system_fonts=True)
    pdf = compiler.compile(
        input=str(folder / "report.typ"),
        format="pdf",
        pdf_standards=["a-2a", "ua-1"],
        timestamp=datetime.datetime.fromtimestamp(epoch, datetime.UTC),
    )
    if not isinstance(pdf, bytes):
        raise TypeError("the compiler gave no document")
    (folder / "report.pdf").write_bytes(pdf)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]))
    except typst.TypstError as error:
        # Its message may quote a cell; what stands in quotes stays here.
        sys.exit(re.sub(r"[`\"'].*[`\"']", "…", error.message.partition("\n")[0])[:300])
