"""What a stage hands on while it works arrives whole and in order, or not at all, and holds nobody up."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import ipc

from lading.artifacts.zipwriter import ZipWriter, deflate
from lading.exports.stages.relay import Relay, SpoolRelay
from lading.exports.stages.work import Stopped
from lading.sources.prefetch import HEAVY_BYTES, Prefetch


def test_items_arrive_in_order_from_a_writer_that_waits_for_its_reader() -> None:
    relay = Relay[int](1)

    def write() -> None:
        for number in range(1000):
            relay.put(number)
        relay.end()

    writer = threading.Thread(target=write)
    writer.start()
    assert list(relay) == list(range(1000))
    writer.join()


def test_a_reader_is_stopped_when_not_everything_came() -> None:
    relay = Relay[int](3)
    relay.put(1)
    read = iter(relay)
    assert next(read) == 1
    relay.break_off()
    with pytest.raises(Stopped):
        next(read)


def test_a_writer_goes_on_when_its_reader_has_left() -> None:
    relay = Relay[int](1)
    relay.put(1)
    relay.leave()
    for number in range(100):
        relay.put(number)
    relay.end()
    assert list(relay) == []


def test_what_is_there_is_read_before_a_relay_ends() -> None:
    relay = Relay[int](3)
    relay.put(1)
    relay.put(2)
    relay.end()
    relay.break_off()
    assert list(relay) == [1, 2]


@pytest.mark.parametrize("compression", [None, "lz4"])
def test_a_reader_of_a_spool_that_is_far_behind_reads_the_file(tmp_path: Path, compression: str | None) -> None:
    batches = [
        pa.RecordBatch.from_pydict({"n": [number, None], "text": ["ø" * number, str(number)]}) for number in range(50)
    ]
    relay, path = SpoolRelay(depth=2), tmp_path / "spool"
    with path.open("wb") as sink:
        with ipc.new_file(sink, batches[0].schema, options=ipc.IpcWriteOptions(compression=compression)) as writer:
            relay.begin(batches[0].schema, sink)
            for batch in batches:
                place = sink.tell()
                writer.write_batch(batch)
                relay.add(batch, sink, place)
        path.rename(tmp_path / "durable")
        relay.end()
        columns, *rows = relay
        assert columns.num_rows == 0
        assert rows == batches  # nobody waited for us


def test_a_heavy_batch_is_read_from_the_file_even_if_it_is_the_first(tmp_path: Path) -> None:
    wide = [pa.RecordBatch.from_pydict({"text": [letter * (HEAVY_BYTES + 1)]}) for letter in "ab"]
    relay = SpoolRelay()
    with (tmp_path / "spool").open("wb") as sink:
        relay.begin(wide[0].schema, sink)
        with ipc.new_file(sink, wide[0].schema, options=ipc.IpcWriteOptions(compression="lz4")) as writer:
            for batch in wide:
                place = sink.tell()
                writer.write_batch(batch)
                relay.add(batch, sink, place)
        relay.end()

        assert list(relay)[1:] == wide


def test_nothing_is_made_beside_a_heavy_item() -> None:
    made: list[int] = []

    def make() -> Iterator[bytes]:
        for number in range(4):
            made.append(number)
            yield bytes(HEAVY_BYTES + 1)

    items = Prefetch(make, seconds=60.0)
    seen = [(len(item), list(made)) for item in items]

    assert seen == [(HEAVY_BYTES + 1, list(range(number + 1))) for number in range(4)]


def test_a_heavy_item_is_worked_off_before_its_writer_goes_on() -> None:
    relay, events = Relay[bytes](2), list[str]()

    def write() -> None:
        for number in range(3):
            relay.put(bytes(HEAVY_BYTES + 1))
            events.append(f"put {number}")
        relay.end()

    writer = threading.Thread(target=write)
    writer.start()
    for number, _ in enumerate(relay):
        events.append(f"worked {number}")
    writer.join()

    assert [event for event in events if event.startswith("put")] == ["put 0", "put 1", "put 2"]
    assert all(events.index(f"worked {number}") < events.index(f"put {number}") for number in range(3))


def test_whoever_leaves_a_heavy_item_holds_up_nobody() -> None:
    relay, items = Relay[bytes](1), Prefetch(lambda: iter([bytes(HEAVY_BYTES + 1)] * 9), seconds=60.0)
    writer = threading.Thread(target=relay.put, args=(bytes(HEAVY_BYTES + 1),))
    writer.start()
    assert next(iter(relay))
    assert next(iter(items))

    relay.leave()
    writer.join()

    assert items.close(seconds=60.0)


def test_a_text_deflated_beforehand_makes_the_same_package() -> None:
    chunks = [bytes([number % 251]) * (number * 997 % 70_000) for number in range(60)]
    plain, ready, body = io.BytesIO(), io.BytesIO(), io.BytesIO()
    one = ZipWriter(plain)
    member = one.add("a.csv", chunks, deflate=True, size=sum(map(len, chunks)))
    one.close()

    facts = deflate(chunks[::-1][::-1], body)
    body.seek(0)
    other = ZipWriter(ready)
    assert other.add_deflated("a.csv", body, facts, sha256=member.sha256) == member
    other.close()
    assert ready.getvalue() == plain.getvalue()
