"""
Which characters the fonts inside the pdf compiler can set, so that none ends a report.

PDF/A forbids a glyph that is not there: one name in a script without font would fail the whole document.  The ranges
were found by setting every character alone with typst 0.15 (fonts of the machine are not used: bytes would depend on
it).  Latin, Greek, Cyrillic, Armenian and Hebrew are there; what is not becomes U+FFFD, and the pdf says so.
"""

from __future__ import annotations

import re
from typing import Any, Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_RANGES: Final = (
    "20-7e a0-377 37a-37f 384-38a 38c 38e-3a1 3a3-484 487-4ff 510-513 51a-51d 531-556 559-58a 58d-58f 591-5c7 5d0-5ea "
    "5ef-5f4 606-60c 615 61b-61c 61f 621-63a 640-64a 65a 660-66d 674 679-67b 67e-680 683-684 686-687 691 698 6a4 6a9 "
    "6af 6be 6cc 6f0-6f9 900-950 955-97f e3f e81-e82 e84 e87-e88 e8a e8d e94-e97 e99-e9f ea1-ea3 ea5 ea7 eaa-eab ead- "
    "eb9 ebb-ebc ec8-ecd 10d0-10ff 115f-1160 13a0-13f5 13f8-13fd 17b4-17b5 17c1-17c3 180b-180f 1d00-1dbf 1e00-1f15 "
    "1f18-1f1d 1f20-1f45 1f48-1f4d 1f50-1f57 1f59 1f5b 1f5d 1f5f-1f7d 1f80-1fb4 1fb6-1fc4 1fc6-1fd3 1fd6-1fdb "
    "1fdd-1fef 1ff2-1ff4 1ff6-1ffe 2000-2040 2042 2044-2052 2054-2064 2066-2071 2074-208e 2090-209c 20a0-20c0 "
    "2100-211e 2120 2122 2124 2126-2151 2153-2184 2189 2190-23ff 2422-2423 2460-2606 2609-262f 2638-268b 2690-269c "
    "26a0-26a7 26aa-26af 26b2 2701-2704 2706-2709 270c-2714 2717-2726 272a-274b 274d 274f-2752 2756 2758-275e "
    "2761-277f 2794 2798-27af 27b1-2b73 2b76-2b95 2b97-2bff 2c60-2cf3 2cf9-2cff 2e02-2e05 2e08-2e0a 2e17-2e18 2e1f "
    "2e22-2e25 2e2e 3000 3012 3016-3017 301a-301b 302e-3030 3036 306e fb00-fb06 fb13-fb17 fb1d-fb36 fb38-fb3c fb3e "
    "fb40-fb41 fb43-fb44 fb46-fb4f fff9-fffd "
)


def _character_class(ranges: str) -> str:
    ends = [part.partition("-") for part in ranges.split()]
    return "".join(f"{_escape(low)}-{_escape(high or low)}" for low, _, high in ends)


def _escape(code: str) -> str:
    return f"\\u{int(code, 16):04x}"


_UNSETTABLE: Final = re.compile(f"[^{_character_class(_RANGES)}]")
_MARKS: Final = "\ufeff"  # a byte order mark inside a text; PDF/A forbids it, nobody sees it
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def settable(value: Any) -> Any:
    r"""
    Return a JSON value with every text in it made of characters the fonts have.

    >>> settable(["Åse\tLi", {"name": "王"}]) == ["Åse Li", {"name": "\N{REPLACEMENT CHARACTER}"}]
    True
    """
    match value:
        case str():
            return _UNSETTABLE.sub(REPLACEMENT, _CONTROLS.sub(" ", value.replace(_MARKS, "")))
        case list():
            return [settable(item) for item in value]
        case dict():
            return {key: settable(item) for key, item in value.items()}
        case _:
            return value


def is_settable(text: str) -> bool:
    """Return whether the fonts have every character of `text`."""
    return not _UNSETTABLE.search(_CONTROLS.sub(" ", text.replace(_MARKS, "")))
