"""
How a profile writes dates and numbers: `DD.MM.YYYY`, `0.##`, `#,##0.00`, `Ja/Nei`.

Each pattern is parsed once into what the writers need: a strftime text, a spreadsheet number format, a scale.
The letters of number patterns are those of spreadsheets: `,` groups and `.` is the point, whatever the language; the
writer puts in the separators of the profile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TOKENS: Final = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_TOKEN: Final = re.compile(r"YYYY|YY|MM|DD|HH|mm|ss|[-./: T]")
_DAY_TOKENS: Final = frozenset({"YYYY", "YY", "MM", "DD"})
_NUMBER: Final = re.compile(r"(#,##0|0)(?:\.(0*)(#*))?")


@dataclass(frozen=True, slots=True)
class DatePattern:
    """A way to write a date or an instant."""

    strftime: str
    spreadsheet: str
    has_time: bool


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """A way to write a number: `scale` digits after the point are kept, at least `shown` of them are written."""

    scale: int
    shown: int
    grouped: bool

    @property
    def spreadsheet(self) -> str:
        """Return the number format of a spreadsheet; General where digits may go, as `0.##` would show `1.`."""
        if self.shown < self.scale:
            return "General"
        return ("#,##0" if self.grouped else "0") + ("." + "0" * self.scale if self.scale else "")


def date_pattern(text: str) -> DatePattern:
    """
    Return the pattern; raise ValueError that names what is not understood.

    >>> date_pattern("DD.MM.YYYY")
    DatePattern(strftime='%d.%m.%Y', spreadsheet='dd.mm.yyyy', has_time=False)
    """
    parts: list[str] = _TOKEN.findall(text)
    if "".join(parts) != text or not _DAY_TOKENS & set(parts):
        raise ValueError("a date format is made of YYYY YY MM DD HH mm ss and - . / : space T")
    strftime = "".join(_TOKENS.get(part, part) for part in parts)
    spreadsheet = "".join('"T"' if part == "T" else part.lower() for part in parts)
    return DatePattern(strftime, spreadsheet, has_time=not _DAY_TOKENS.issuperset(set(parts) & set(_TOKENS)))


def number_pattern(text: str) -> NumberPattern:
    """
    Return the pattern; raise ValueError that says what is allowed.

    >>> number_pattern("#,##0.0#")
    NumberPattern(scale=2, shown=1, grouped=True)
    """
    found = _NUMBER.fullmatch(text)
    if not found or text.endswith("."):
        raise ValueError(
            "a number format is 0 or #,##0, then at most one point with 0 and # after it, like 0.00 or 0.##"
        )
    always, perhaps = found[2] or "", found[3] or ""
    if len(always) + len(perhaps) > 9:
        raise ValueError("at most 9 digits after the point")
    return NumberPattern(len(always) + len(perhaps), len(always), found[1] != "0")


def boolean_words(text: str) -> tuple[str, str]:
    """Return the words for true and false of `Ja/Nei`; raise ValueError when it is not two words."""
    yes, _, no = text.partition("/")
    if not yes or not no or "/" in no:
        raise ValueError("a boolean format is two words, like Ja/Nei")
    return yes, no
