"""
An API as a source: its options as one value, and what they may not say together.  Pure and light.

Options are text, as those of every kind (`options`).  A secret is in none of them: headers that carry one are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from lading.sources.guard import Origin, origin_of

Style: TypeAlias = Literal["one", "cursor", "page", "offset", "link", "next_url"]
STYLES: Final = ("one", "cursor", "page", "offset", "link", "next_url")
REQUEST_SECONDS: Final = 30
MOST_PAGES: Final = 10_000
PAGE_BYTES: Final = 4 << 20
MOST_ROWS: Final = 10_000_000
_LARGEST_PAGE: Final = 32 << 20
HEADER: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}"
# The first two carry secrets; the others are for whoever makes the call.
_KEPT: Final = re.compile(
    r"(authorization|cookie|proxy-.*|host|content-.*|transfer-encoding|connection|upgrade|te|trailer|expect"
    r"|accept-encoding|accept|user-agent|keep-alive)"
)


@dataclass(frozen=True, slots=True)
class Site:
    """One API: `base` is the path that all requests begin with, `auth` how a secret is shown to it."""

    origin: Origin
    base: str
    auth: str
    headers: tuple[tuple[str, str], ...]
    style: Style
    rows: str
    following: str
    total: str
    cursor_parameter: str
    page_parameter: str
    offset_parameter: str
    size_parameter: str
    page_size: str
    first_page: int
    seconds: float
    most_pages: int
    page_bytes: int
    most_rows: int

    def __str__(self) -> str:
        """Return where it is, for sentences."""
        return f"{self.origin}{self.base}"


def parse(options: Mapping[str, str]) -> Site:
    """Return the value of checked options."""
    url = options["url"].rstrip("/")
    origin = origin_of(url)
    assert origin is not None, "the form of the option says so"
    return Site(
        origin=origin,
        base=_path(url),
        auth=options.get("auth", "bearer"),
        headers=tuple(_headers(options.get("headers", ""))),
        style=cast("Style", options.get("pages", "one")),
        rows=options.get("rows", ""),
        following=options.get("next", ""),
        total=options.get("total", ""),
        cursor_parameter=options.get("cursor_parameter", "cursor"),
        page_parameter=options.get("page_parameter", "page"),
        offset_parameter=options.get("offset_parameter", "offset"),
        size_parameter=options.get("size_parameter", ""),
        page_size=options.get("page_size", ""),
        first_page=int(options.get("first_page", "1")),
        seconds=float(options.get("request_seconds", REQUEST_SECONDS)),
        most_pages=int(options.get("max_pages", MOST_PAGES)),
        page_bytes=int(options.get("max_page_bytes", PAGE_BYTES)),
        most_rows=int(options.get("max_rows", MOST_ROWS)),
    )


def faults(options: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with options that are each of their form."""
    url, style = options["url"], options.get("pages", "one")
    if origin_of(url) is None or "?" in url or "#" in url:
        yield "url must be a URL such as https://api.example.org/v1, without user, query and fragment"
    if "." in _path(url).split("/") or ".." in _path(url).split("/"):
        yield "url must have no . and no .. in its path"
    if style in {"cursor", "next_url"} and not options.get("next"):
        yield f"next is needed with pages={style}: where the next {style.replace('_', ' ')} stands in the answer"
    if int(options.get("max_page_bytes", 1)) > _LARGEST_PAGE:
        yield f"max_page_bytes must be at most {_LARGEST_PAGE}: a page is held in memory"
    if ("size_parameter" in options) != ("page_size" in options):
        yield "size_parameter and page_size go together"
    for option, styles in (("next", {"cursor", "next_url"}), ("cursor_parameter", {"cursor"}),
                           ("page_parameter", {"page"}), ("first_page", {"page"}),
                           ("offset_parameter", {"offset"})):  # fmt: skip
        if option in options and style not in styles:
            yield f"{option} goes with pages={' or '.join(sorted(styles))}"
    carrier = options.get("auth", "").removeprefix("header:").lower()
    if ":" in options.get("auth", "") and is_callers(carrier):
        yield f"auth can't be shown in the header {carrier}; name another"
    for name, _ in _headers(options.get("headers", "")):
        if _KEPT.fullmatch(name.lower()):
            yield f"headers may not set {name}; a secret belongs to the credentials, with auth=header:NAME"


def is_callers(name: str) -> bool:
    """
    Tell whether a header belongs to whoever makes the call, so that no secret can be shown in it.

    >>> is_callers("Host"), is_callers("Authorization"), is_callers("X-Api-Key")
    (True, False, False)
    """
    return name.lower() not in {"authorization", "cookie"} and _KEPT.fullmatch(name.lower()) is not None


def _path(url: str) -> str:
    found = url.partition("://")[2]
    return "/" + found.partition("/")[2].rstrip("/") if "/" in found.rstrip("/") else ""


def _headers(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        name, _, value = line.partition(":")
        if name.strip():
            yield name.strip(), value.strip()
