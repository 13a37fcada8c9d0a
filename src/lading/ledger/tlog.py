"""
A tree as the static files of C2SP tlog-tiles: names of tiles, bundles of entries.  Pure.

`tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`, where N is written in groups of three digits, all but the last
after an x.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from lading.errors import NotFound
from lading.ledger.merkle import TILE_HEIGHT, TILE_WIDTH

_PATH: Final = re.compile(r"(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile of hashes of a level, or of entries where the level is None; `width` of at most 256."""

    level: int | None
    n: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """
        Return its path below `tile/`.

        >>> Tile(0, 1234067).path, Tile(None, 3, 7).path
        ('0/x001/x234/067', 'entries/003.p/7')
        """
        groups = [f"{self.n % 1000:03d}"]
        above = self.n // 1000
        while above:
            groups.append(f"x{above % 1000:03d}")
            above //= 1000
        part = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"{'entries' if self.level is None else self.level}/{'/'.join(reversed(groups))}{part}"


def tile_of(path: str) -> Tile:
    """
    Return the tile that a path below `tile/` names; NotFound if it names none.

    >>> tile_of("1/x001/x234/067.p/5")
    Tile(level=1, n=1234067, width=5)
    """
    found = _PATH.fullmatch(path)
    if found is not None:
        level, n, width = found.groups()
        tile = Tile(
            None if level == "entries" else int(level), int(re.sub("[x/]", "", n)), int(width) if width else TILE_WIDTH
        )
        if tile.path == path:
            return tile
    raise NotFound("This path names no tile; they look like 0/x001/234 or entries/000.p/17.")


def tiles_of(size: int) -> Iterator[Tile]:
    """
    Yield every tile of a tree of `size` leaves, entries and then hashes from the leaves upwards.

    >>> [tile.path for tile in tiles_of(258)]
    ['entries/000', 'entries/001.p/2', '0/000', '0/001.p/2', '1/000.p/1']
    """
    for level in (None, *range(8)):
        count = size >> ((level or 0) * TILE_HEIGHT)
        full, part = divmod(count, TILE_WIDTH)
        yield from (Tile(level, n) for n in range(full))
        if part:
            yield Tile(level, full, part)


def bundle(lines: Iterable[bytes]) -> bytes:
    """Return an entry bundle: each line after its length in two bytes."""
    return b"".join(len(line).to_bytes(2, "big") + line for line in lines)


def unbundled(data: bytes) -> list[bytes]:
    """Return the lines of an entry bundle; ValueError if it is none."""
    lines: list[bytes] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        at += 2 + length
        if at > len(data):
            raise ValueError("an entry bundle is cut")
        lines.append(data[at - length : at])
    return lines
