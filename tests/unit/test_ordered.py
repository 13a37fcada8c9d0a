"""A reading that is left leaves no thread behind that can still be told to end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pyarrow as pa
import pytest

from lading.errors import SourceTimeout
from lading.sources import ordered


def test_an_interruption_that_was_forgotten_is_asked_for_again() -> None:
    asked: list[str] = []
    is_heard = threading.Event()

    def read() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pylist([], schema=pa.schema([("id", pa.int64())]))
        is_heard.wait()

    def stop() -> None:
        asked.append("stop")
        if len(asked) == 2:
            is_heard.set()

    stream = ordered.Stream("table", read, seconds=0.001, scratch=None, stop=stop, worded=lambda _: None)

    with pytest.raises(SourceTimeout):
        list(ordered.batches(stream, key=["id"]))

    assert is_heard.is_set()
