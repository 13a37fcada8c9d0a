"""What the options of an API over HTTP look like, each by itself; what they mean is in `http_site`.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lading.sources.http_site import HEADER, STYLES
from lading.sources.option import Option

_NAME: Final = r"[^\0-\x1f.\ud800-\udfff]{1,80}"
_PLACE: Final = Option(
    re.compile(rf"{_NAME}(\.{_NAME}){{0,9}}"), "must be names of objects, joined by dots, such as data.items"
)
_PARAMETER: Final = Option(re.compile(r"[A-Za-z0-9_.$:\[\]-]{1,80}"), "must be the name of a query parameter")


def _up_to(digits: int, *, least: int = 1) -> Option:
    return Option(
        re.compile(rf"{'0|' if least == 0 else ''}[1-9][0-9]{{0,{digits - 1}}}"),
        f"must be a whole number from {least} to {10**digits - 1}",
    )


OPTIONS: Final[Mapping[str, Option]] = {
    "url": Option(
        re.compile(r"https?://[!-~]{1,400}"), "must be a URL such as https://api.example.org/v1", is_required=True
    ),
    "auth": Option(
        re.compile(rf"bearer|basic|header:{HEADER}"), "must be bearer, basic or header:NAME, such as header:X-Api-Key"
    ),
    "headers": Option(
        re.compile(rf"{HEADER}: ?[ -~]{{0,400}}(\n{HEADER}: ?[ -~]{{0,400}}){{0,31}}"),
        "must be lines such as Accept-Language: nb",
    ),
    "test_path": Option(
        re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,400}"), "must be a path such as /items?limit=1"
    ),
    "rows": _PLACE,
    "pages": Option(re.compile("|".join(STYLES)), f"must be one of: {', '.join(STYLES)}"),
    "next": _PLACE,
    "total": _PLACE,
    "cursor_parameter": _PARAMETER,
    "page_parameter": _PARAMETER,
    "first_page": _up_to(6, least=0),
    "offset_parameter": _PARAMETER,
    "size_parameter": _PARAMETER,
    "page_size": _up_to(6),
    "request_seconds": _up_to(3),
    "max_pages": _up_to(5),
    "max_page_bytes": _up_to(8),
    "max_rows": _up_to(9),
}
