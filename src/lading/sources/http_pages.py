"""
From one page of an API to the next: by cursor, number, offset, Link header or URL in the body.  Pure.

Whoever pages trusts nothing: the way on stays at the origin that credentials are for, no page is asked for twice, and
a page that is the one before says that the API does not know our parameter.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, urlencode, urljoin

from lading.errors import SourceRefused
from lading.sources.guard import origin_of
from lading.sources.http_site import Site

_LINK: Final = re.compile(r'<([^<>]*)>((?: ?; ?[^ =;,"<>]+(?: ?= ?(?:"(?:[^"\\]|\\.)*"|[^ ",;<>]*))?)*)')
_REL: Final = re.compile(r'; ?rel ?= ?(?:"([^"]*)"|([^ ",;]*))', re.IGNORECASE)
_HEADER_BYTES: Final = 16_384
_MOST_CURSOR: Final = 4096
_ABSENT: Final = object()


class Turner:
    """Knows the target of each page, one after the other."""

    def __init__(self, site: Site, target: str) -> None:
        self._site: Final = site
        self._target: Final = _with(site.base + target or "/", {site.size_parameter: site.page_size})
        self._seen: dict[bytes, None] = {}  # in order
        self._before: bytes | None = None
        self._number = site.first_page
        self._offset = 0
        self._page = 0

    def first(self) -> str:
        """Return the target of the first page."""
        return self._noted(self._here())

    @property
    def state(self) -> dict[str, Any]:
        """Return where this stands, as JSON, but for the pages that were seen."""
        before = None if self._before is None else self._before.hex()
        return {"before": before, "number": self._number, "offset": self._offset, "page": self._page}

    def seen(self, since: int) -> list[str]:
        """Return the marks of the pages that were seen, but for the first `since` of them."""
        return [mark.hex() for mark in islice(self._seen, since, None)]

    def go_on(self, state: Mapping[str, Any], seen: Iterable[str]) -> None:
        """Stand where `state` says, having seen these pages."""
        self._before = None if state["before"] is None else bytes.fromhex(state["before"])
        self._number, self._offset, self._page = state["number"], state["offset"], state["page"]
        self._seen = dict.fromkeys(bytes.fromhex(mark) for mark in seen)

    def next(self, body: Any, headers: Mapping[str, str], *, rows: Sequence[Any], digest: bytes) -> str | None:
        """Return the target of the page after one with this body, None after the last."""
        self._page += 1
        is_same = digest == self._before and bool(rows)
        self._before = digest
        match self._site.style:
            case "one":
                return None
            case "page" | "offset":
                if is_same:
                    raise self._refused(
                        f"gives the same page again: it does not know the parameter {self._counter!r}. "
                        f"Correct {self._site.style}_parameter of the source"
                    )
                self._number += 1
                self._offset += len(rows)
                return self._noted(self._here()) if rows else None
            case "cursor":
                cursor = self._cursor(body)
                return None if cursor is None else self._noted(_with(self._target, {self._counter: cursor}))
            case "link":
                link = next_link(headers.get("link", ""))
            case "next_url":
                link = self._cursor(body)
        return None if link is None else self._noted(self._within(link))

    @property
    def _counter(self) -> str:
        site = self._site
        names = {"page": site.page_parameter, "offset": site.offset_parameter, "cursor": site.cursor_parameter}
        return names[site.style]

    def _here(self) -> str:
        match self._site.style:
            case "page":
                return _with(self._target, {self._counter: str(self._number)})
            case "offset":
                return _with(self._target, {self._counter: str(self._offset)})
            case _:
                return self._target

    def _cursor(self, body: Any) -> str | None:
        found = at(body, self._site.following)
        if found is None or found is _ABSENT or found is False or found == "":
            return None
        if isinstance(found, bool) or not isinstance(found, str | int) or len(str(found)) > _MOST_CURSOR:
            raise self._refused(f"has no text at {self._site.following!r}. Correct the option next of the source")
        return str(found)

    def _within(self, link: str) -> str:
        here = str(self._site.origin)
        try:
            url = urljoin(here + self._target, link).partition("#")[0]
            origin = origin_of(url)
        except ValueError:
            origin, url = None, ""
        if origin is None or len(url) > _MOST_CURSOR:
            raise self._refused("points to a next page by what is no plain URL. Ask those who run the API")
        if origin != self._site.origin:
            raise self._refused(
                "points to a next page at another host, and credentials go to no other. "
                "Register the address that it uses for itself"
            )
        rest = url.partition("://")[2]
        target = rest[cut:] if (cut := min(_places(rest, "/?"), default=-1)) >= 0 else "/"
        return target if target.startswith("/") else f"/{target}"

    def _noted(self, target: str) -> str:
        mark = hashlib.sha256(target.encode()).digest()[:16]
        if mark in self._seen:
            raise self._refused("points to a page that was read before, so it never ends. Ask those who run the API")
        self._seen[mark] = None
        return target

    def _refused(self, said: str) -> SourceRefused:
        return SourceRefused(f"The API at {self._site} {said} (page {self._page}).")


def rows_of(body: Any, path: str, *, refuse: Callable[[str], SourceRefused]) -> list[dict[str, Any]]:
    """Return the rows of a page; `refuse` makes the error from what is wrong."""
    found = at(body, path)
    place = f"at {path!r}" if path else "as its whole body"
    if not isinstance(found, list):
        raise refuse(f"has no list of rows {place}. Correct the option rows of the source, or source.request.rows")
    for number, row in enumerate(found, 1):
        if not isinstance(row, dict):
            raise refuse(f"has something else than an object as row {number}. Correct the option rows of the source")
    return found


def total_of(body: Any, path: str) -> int | None:
    """Return how many rows the page says there are in all pages."""
    found = at(body, path) if path else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def at(value: Any, path: str) -> Any:
    """
    Return what stands at a path of names; a value that is not None, text, number, list or object when nothing does.

    >>> at({"data": {"items": [1]}}, "data.items"), at([1], "")
    ([1], [1])
    """
    for name in path.split(".") if path else ():
        if not isinstance(value, dict) or name not in value:
            return _ABSENT
        value = value[name]
    return value


def next_link(header: str) -> str | None:
    """
    Return where the next page is, by a Link header (RFC 8288).

    >>> next_link('<https://a.example/?p=1>; rel="prev", </items?p=3>; title="a, b"; rel="last next"')
    '/items?p=3'
    """
    for found in _LINK.finditer(" ".join(header[:_HEADER_BYTES].split())):
        rel = _REL.search(found[2])
        if rel is not None and "next" in (rel[1] or rel[2] or "").lower().split():
            return found[1]
    return None


def _places(text: str, marks: str) -> list[int]:
    return [place for mark in marks if (place := text.find(mark)) >= 0]


def _with(target: str, given: Mapping[str, str]) -> str:
    pairs = urlencode({name: value for name, value in given.items() if name}, quote_via=quote)
    if not pairs:
        return target
    return f"{target}{'&' if '?' in target else '?'}{pairs}"
