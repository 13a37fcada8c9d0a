"""One option of a source or a destination: the form of its text.  Pure."""

from __future__ import annotations

import re
from typing import NamedTuple


class Option(NamedTuple):
    """One option: the form of its text, the sentence when it has another, and whether it must be there."""

    form: re.Pattern[str]
    sentence: str
    is_required: bool = False
