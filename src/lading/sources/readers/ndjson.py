"""NDJSON: one object a line; numbers keep their digits, what is nested becomes JSON text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from lading.sources import exact_json, typing_text
from lading.sources.model import Rewrite
from lading.sources.read import Read
from lading.sources.readers.file import File

_ROWS: Final = 4096
_BYTES: Final = 4 << 20


def read(file: File, read: Read, _rewritten: list[Rewrite]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, first an empty batch."""
    schema = typing_text.schema_of((), read)
    yield pa.RecordBatch.from_pylist([], schema=schema)
    held: list[dict[str, Any]] = []
    numbers: list[int] = []
    size = 0
    for number, line in enumerate(file.lines(), 1):
        if not line.strip():
            continue
        held.append(_object(file, number, line))
        numbers.append(number)
        size += len(line)
        if len(held) >= _ROWS or size >= _BYTES:
            yield _batch(held, numbers, schema, read=read, file=file)
            held, numbers, size = [], [], 0
    if held:
        yield _batch(held, numbers, schema, read=read, file=file)


def _object(file: File, number: int, line: bytes) -> dict[str, Any]:
    try:
        value = exact_json.decode(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError:
        raise file.bad(number, "it is not utf-8") from None
    except exact_json.NotJson as error:
        raise file.bad(number, f"it is no JSON ({error})") from None
    if not isinstance(value, dict):
        raise file.bad(number, "it is no JSON object")
    return value


def _batch(
    held: Sequence[dict[str, Any]], numbers: Sequence[int], schema: pa.Schema, *, read: Read, file: File
) -> pa.RecordBatch:
    arrays = [
        typing_text.column(
            [exact_json.text(row.get(name)) for row in held], type_, read, name=name, file=file.name, lines=numbers
        )
        for name, type_ in read.columns.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
