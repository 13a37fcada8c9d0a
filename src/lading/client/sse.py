r"""
Server-sent events out of bytes, as the specification reads them.  Pure.

    >>> list(Blocks().of(b"id: 7\nevent: export.completed\ndata: {}\n\n: beat\nid: 9\n\n"))
    [Block(id='7', event='export.completed', data='{}', retry=None), Block(id='9', event='', data='', retry=None)]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_MAX_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two empty lines; `id` is None where none was told, `retry` is in milliseconds."""

    id: str | None = None
    event: str = ""
    data: str = ""
    retry: int | None = None


class Blocks:
    """What a connection has brought so far; ValueError when a block does not end."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []

    def of(self, chunk: bytes) -> Iterator[Block]:
        """Yield the blocks that end in this chunk."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for raw in whole:
            line = raw.removesuffix(b"\r").decode("utf-8", "replace")
            if line:
                self._lines.append(line)
                continue
            lines, self._lines = self._lines, []
            if lines:
                yield _block(lines)
        if len(self._rest) + sum(map(len, self._lines)) > _MAX_BLOCK:
            raise ValueError("an event does not end")


def _block(lines: list[str]) -> Block:
    fields: dict[str, str] = {}
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name:
            fields[name] = value
    retry = fields.get("retry", "")
    return Block(
        fields.get("id"),
        fields.get("event", ""),
        "\n".join(data),
        int(retry) if retry.isascii() and retry.isdigit() and len(retry) < 10 else None,
    )
