"""What a stage hands on while it works arrives whole and in order, or not at all, and holds nobody up."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import ipc

from lading.artifacts.zipwriter import ZipWriter, deflate
from lading.exports.stages.relay import Relay, SpoolRelay
from lading.exports.stages.work import Stopped


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
            for number, batch in enumerate(batches):
                place = sink.tell()
                writer.write_batch(batch)
                if number:
                    relay.add(batch, sink, place)
                else:
                    relay.begin(batch, sink)
        path.rename(tmp_path / "durable")
        relay.end()
        assert list(relay) == batches  # nobody waited for us


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
