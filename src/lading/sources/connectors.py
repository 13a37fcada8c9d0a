"""
Which connector reads which kind of source: one line for each.

A connector is loaded when its first source is: a driver costs memory, and nobody has sources of every kind.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from lading.errors import SourceRefused
from lading.sources.connector import Connector
from lading.sources.model import Source
from lading.sources.outside import Outside

# Each module has `connector(source, scratch)`.
_MODULES: Final[Mapping[str, str]] = {
    "postgresql": "lading.sources.postgresql_connector",
    "mysql": "lading.sources.mysql",
    "sqlite": "lading.sources.sqlite",
    "duckdb": "lading.sources.duckdb",
    "files": "lading.sources.files",
    "objects": "lading.sources.objects",
    "http": "lading.sources.http",
    "remote": "lading.sources.remote",
}
# Theirs have `connector(source, scratch, outside)`.
_OUTWARD: Final = frozenset({"http", "objects", "remote"})
_NOWHERE: Final = Outside()


def connect(source: Source, *, scratch: Path | None = None, outside: Outside = _NOWHERE) -> Connector:
    """
    Return the connector of `source`; nothing is reached yet.

    `scratch` is a folder for what does not fit in memory while rows are put in order; without one, the machine's own.
    `outside` is for kinds that are called over HTTP: without it public addresses, as often as need be.
    """
    module = _MODULES.get(source.kind)
    if module is None:
        raise SourceRefused(f"Sources of kind {source.kind} can't be read by this version; register another kind.")
    made = importlib.import_module(module).connector
    return cast("Connector", made(source, scratch, outside) if source.kind in _OUTWARD else made(source, scratch))
