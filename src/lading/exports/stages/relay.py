"""
What a stage hands to the one after it while it still works: in order, few at a time, from thread to thread.

Nothing durable goes this way: the same rows are in the file that the stage leaves, and a stage that begins later, or in
another attempt, reads that.  What is heavy (wide rows) is worked off before more is made.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Final, Generic, TypeVar

import pyarrow as pa
from pyarrow import ipc

from lading.exports.stages.work import Stopped
from lading.sources.prefetch import is_heavy

T = TypeVar("T")
_MARK_BYTES: Final = 8


class Relay(Generic[T]):
    """Items from one thread to another; each side may leave at any time."""

    def __init__(self, depth: int) -> None:
        self._depth: Final = depth
        self._items: Final[deque[T]] = deque()
        self._moved: Final = threading.Condition()
        self._is_ended = False
        self._is_broken = False
        self._is_left = False
        self._given = self._taken = self._done = 0

    def put(self, item: T) -> None:
        """Hand over an item; waits while the reader is behind, and drops it when there is none any more."""
        with self._moved:
            self._moved.wait_for(lambda: len(self._items) < self._depth or self._is_left or self._is_broken)
            self._push(item)
            if is_heavy(item):
                self._moved.wait_for(lambda: self._done >= self._given or self._is_left or self._is_broken)

    def push(self, item: T) -> None:
        """Hand over an item without waiting, however far behind the reader is."""
        with self._moved:
            self._push(item)

    def _push(self, item: T) -> None:
        if not self._is_left:
            self._items.append(item)
            self._given += 1
            self._moved.notify_all()

    @property
    def is_full(self) -> bool:
        """Return whether the reader is behind."""
        return len(self._items) >= self._depth

    def end(self) -> None:
        """Say that all items have been handed over."""
        with self._moved:
            self._is_ended = True
            self._moved.notify_all()

    def break_off(self) -> None:
        """Say that no more will come although not all came: the reader is Stopped, and nobody waits."""
        with self._moved:
            self._is_broken = not self._is_ended
            self._moved.notify_all()

    def leave(self) -> None:
        """Take no more: the writer goes on alone."""
        with self._moved:
            self._is_left = True
            self._items.clear()
            self._moved.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._moved:
                self._done = self._taken
                self._moved.notify_all()
                self._moved.wait_for(lambda: self._items or self._is_ended or self._is_broken)
                if self._is_broken:
                    raise Stopped
                if not self._items:
                    return
                item = self._items.popleft()
                self._taken += 1
                self._moved.notify_all()
            yield item


class SpoolRelay:
    """
    The batches of a spool while it is written; the reader never holds up who reads the source.

    First comes an empty batch with the columns.  A reader that is behind is told where a batch lies in the file and
    reads it there, so that memory is bounded; of a heavy one it is told that always.
    """

    def __init__(self, depth: int = 2) -> None:
        self._relay: Final = Relay[pa.RecordBatch | int](depth)
        self._file: pa.NativeFile | None = None
        self.end: Final = self._relay.end
        self.break_off: Final = self._relay.break_off
        self.leave: Final = self._relay.leave

    def begin(self, schema: pa.Schema, sink: BinaryIO) -> None:
        """Hand over the columns of a file that is written to `sink`."""
        self._file = pa.OSFile(str(sink.name))
        self._relay.push(pa.RecordBatch.from_pylist([], schema=schema))

    def add(self, batch: pa.RecordBatch, sink: BinaryIO, place: int) -> None:
        """Hand over a batch that has been written at `place`."""
        if self._relay.is_full or is_heavy(batch):
            sink.flush()
            self._relay.push(place)
        else:
            self._relay.push(batch)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        schema: pa.Schema | None = None
        try:
            for item in self._relay:
                if isinstance(item, int):
                    yield ipc.read_record_batch(self._message(item), schema)
                    del item
                else:
                    schema = item.schema
                    yield item
        finally:
            if self._file is not None:
                self._file.close()

    def _message(self, place: int) -> ipc.Message:
        """Return the batch that was written at `place`; before the first one, the file has its mark and the columns."""
        assert self._file is not None
        self._file.seek(place or _MARK_BYTES)
        message = ipc.read_message(self._file)
        return message if message.type == "record batch" else ipc.read_message(self._file)
