"""NDJSON: one object a line; numbers keep their digits, what is nested becomes JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import pyarrow as pa

from lading.sources import typing_text
from lading.sources.model import Rewrite
from lading.sources.read import Read
from lading.sources.readers.file import File

_ROWS: Final = 4096
_BYTES: Final = 4 << 20


def _refuse(word: str) -> None:
    raise ValueError(word)


# NaN and Infinity are words of Python's reader, not of JSON.
_DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)


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
        value = _DECODER.decode(line.decode("utf-8-sig" if number == 1 else "utf-8").strip())
    except UnicodeDecodeError:
        raise file.bad(number, "it is not utf-8") from None
    except (ValueError, InvalidOperation, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "a number too long, or nested too deep"
        raise file.bad(number, f"it is no JSON ({reason})") from None
    if not isinstance(value, dict):
        raise file.bad(number, "it is no JSON object")
    return value


def _batch(
    held: Sequence[dict[str, Any]], numbers: Sequence[int], schema: pa.Schema, *, read: Read, file: File
) -> pa.RecordBatch:
    arrays = [
        typing_text.column([text(row.get(name)) for row in held], type_, read, name=name, file=file.name, lines=numbers)
        for name, type_ in read.columns.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def text(value: Any) -> str | None:
    """
    Return a JSON value as text, exactly; text stays as it is.

    >>> text(Decimal("0.10")), text(True), text({"b": [1, None], "a": "æ"})
    ('0.10', 'true', '{"b":[1,null],"a":"æ"}')
    """
    match value:
        case None | str():
            return value
        case dict() | list():
            return _nested(value)
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f") if value.is_finite() and abs(value.adjusted()) < 400 else None
        case _:
            return str(value)


def _nested(value: Any) -> str:
    match value:
        case dict():
            return (
                "{"
                + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_nested(item)}" for key, item in value.items())
                + "}"
            )
        case list():
            return "[" + ",".join(_nested(item) for item in value) + "]"
        case Decimal():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
