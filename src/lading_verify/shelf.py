"""
Many small documents by key, in bounded memory: those of late in a dict, the rest in a temporary file.

The file is SQLite's, made without a name and gone with the process.  Documents are kept there as their canonical lines.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, TypeAlias

from lading_verify import encoding

Document: TypeAlias = dict[str, Any]

_CACHE_KIB: Final = 4096


class Shelf:
    """Documents by key; what `get` returns may be changed in place until the next `get` or `put`."""

    def __init__(self, hot: int) -> None:
        self._most: Final = hot
        self._hot: Final = dict[str, Document]()
        self._cold: sqlite3.Connection | None = None
        self._last_cold = ""
        self._asked: Shelf | None = None

    def watch(self) -> None:
        """Note from now on which keys are asked for."""
        self._asked = Shelf(self._most)

    def was_asked(self, key: str) -> bool:
        """Return whether `key` was asked for since `watch`."""
        return self._asked is not None and self._asked.get(key) is not None

    def get(self, key: str) -> Document | None:
        """Return the document of `key`, None if there is none."""
        if self._asked is not None and self._asked.get(key) is None:
            self._asked.put(key, {})
        found = self._hot.get(key)
        if found is not None or self._cold is None or key > self._last_cold:
            return found
        row = self._cold.execute("SELECT line FROM lines WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        found = encoding.decode(row[0])
        self.put(key, found)
        return found

    def put(self, key: str, document: Document) -> None:
        """Keep a document that was not there."""
        if len(self._hot) >= self._most:
            self._cool(self._most // 2)
        self._hot[key] = document

    def lines(self) -> Iterator[bytes]:
        """Yield the canonical line of every document, in the order of the keys."""
        if self._cold is None:
            for key in sorted(self._hot):
                yield encoding.encode(self._hot[key])
            return
        self._cool(len(self._hot))
        for (line,) in self._cold.execute("SELECT line FROM lines ORDER BY key"):
            yield line

    def _cool(self, count: int) -> None:
        # The oldest first: most of them have ended and are not asked for again.
        if self._cold is None:
            self._cold = sqlite3.connect("", isolation_level=None)
            self._cold.execute("PRAGMA journal_mode = OFF")
            self._cold.execute("PRAGMA synchronous = OFF")
            self._cold.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._cold.execute("CREATE TABLE lines (key TEXT PRIMARY KEY, line BLOB NOT NULL) WITHOUT ROWID")
        keys = list(islice(self._hot, count))
        self._cold.execute("BEGIN")
        self._cold.executemany(
            "INSERT OR REPLACE INTO lines VALUES (?, ?)", ((key, encoding.encode(self._hot[key])) for key in keys)
        )
        self._cold.execute("COMMIT")
        self._last_cold = max(self._last_cold, *keys) if keys else self._last_cold
        for key in keys:
            del self._hot[key]
