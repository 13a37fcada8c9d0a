"""
A trial of a source: can it be reached, does it let us in, is it read-only, is it fast.

Every finding is a sentence with its mend; the first that fails ends the trial, because the later ones need it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lading.errors import SourceError
from lading.sources import credentials
from lading.sources.connectors import connect
from lading.sources.model import Check, Source
from lading.sources.outside import Outside

_GLANCE: Final = Outside(is_glance=True)


def test(source: Source, outside: Outside = _GLANCE) -> list[Check]:  # noqa: PT028 - tries a source
    """Return what was found when `source` was tried; never raises for what the source does."""
    found: list[Check] = []
    try:
        if source.credentials_ref is not None:
            credentials.resolve(source.credentials_ref)
            found.append(Check("credentials", is_ok=True, detail="The credentials can be read."))
        elif source.kind in credentials.NEEDED_BY:
            credentials.of(source)
        found.extend(connect(source, outside=outside).trial())
    except SourceError as error:
        is_inside = bool(found) or (source.kind not in credentials.NEEDED_BY and source.credentials_ref is None)
        found.append(Check("connection" if is_inside else "credentials", is_ok=False, detail=error.message))
    if source.attachments_ref is not None:
        found.append(_attachments(Path(source.attachments_ref.removeprefix("file:"))))
    return found


def _attachments(folder: Path) -> Check:
    if not folder.is_dir():
        return Check(
            "attachments", is_ok=False, detail=f"{folder} is not a directory here; correct the attachments reference."
        )
    return Check("attachments", is_ok=True, detail=f"Attachments are read from {folder}.")
